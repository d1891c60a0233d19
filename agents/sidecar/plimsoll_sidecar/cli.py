"""The command ``plimsoll-sidecar`` with its two verbs, ``scrape`` and ``replay``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Optional, Sequence

from plimsoll_agent.door import Door
from plimsoll_agent.originals import Signal
from plimsoll_agent.settings import parse_labels

from plimsoll_sidecar.progress import Progress
from plimsoll_sidecar.replay import Replay, ReplayFailed, plan
from plimsoll_sidecar.scrape import Scraper
from plimsoll_sidecar.targets import LOAD_KEYS, BadConfiguration, Target, read_config, target_from
from plimsoll_sidecar.trace import BadTrace, read_trace
from plimsoll_sidecar.version import AGENT_NAME, __version__

DEFAULT_URL = "http://127.0.0.1:8000"
CLOCKS = ("ends-now", "starts-now", "recorded")
STOP_SECONDS = 5.0


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Parse, do, and return the exit status: 0 done, 1 failed, 2 wrongly called."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except (BadConfiguration, BadTrace) as problem:
        parser.error(str(problem))
    except ReplayFailed as problem:
        sys.stderr.write(f"\nplimsoll-sidecar: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _scrape(options: argparse.Namespace) -> int:
    targets, server = _targets(options)
    url = options.url or server.get("url") or os.environ.get("PLIMSOLL_URL") or DEFAULT_URL
    token = options.token or server.get("token") or os.environ.get("PLIMSOLL_TOKEN", "")
    stop = Signal()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    threads = []
    for target in targets:
        door = Door(url, token, ca_file=options.ca_file, agent=AGENT_NAME)
        scraper = Scraper(target, door, say=_say)
        thread = threading.Thread(
            target=scraper.run, args=(stop,), name=f"scrape {target.service}", daemon=True
        )
        thread.start()
        threads.append(thread)
    _say(f"scraping {len(threads)} target(s) for {url}")
    while not stop.wait(1.0):
        pass
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return 0


def _targets(options: argparse.Namespace) -> tuple[list[Target], dict[str, str]]:
    if options.config:
        return read_config(Path(options.config))
    if not options.target:
        raise BadConfiguration("give --target and --service, or --config")
    if len(options.service) != len(options.target):
        raise BadConfiguration("each --target needs a --service of its own, in the same order")
    shared: dict[str, Any] = {name: getattr(options, name) for name in (*LOAD_KEYS, *_TARGET_FLAGS)}
    shared = {name: value for name, value in shared.items() if value not in {None, ""}}
    shared["gauges"] = parse_labels(",".join(options.gauge))
    shared["labels"] = parse_labels(",".join(options.label))
    pairs = zip(options.target, options.service)
    return [target_from({**shared, "url": url, "service": service}) for url, service in pairs], {}


def _replay(options: argparse.Namespace) -> int:
    url = options.url or os.environ.get("PLIMSOLL_URL") or DEFAULT_URL
    token = options.token or os.environ.get("PLIMSOLL_TOKEN", "")
    clock = "ends-now" if options.shift_to_now else options.clock
    for folder in options.folder:
        trace = read_trace(Path(folder))
        total = len(trace.rows) + len(trace.markers) + len(trace.profiles)
        chosen = plan(trace, time.time(), speed=options.speed, clock=clock, service=options.service)
        door = Door(url, token, ca_file=options.ca_file, agent=AGENT_NAME)
        replay = Replay(trace, chosen, door, Progress(trace.name, total))
        replay.run()
        _say(
            f"{trace.name}: {replay.sent_points:,} points, {replay.sent_profiles:,} profiles sent as {chosen.service}"
        )
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"plimsoll-sidecar: {text}\n")
    sys.stderr.flush()


_TARGET_FLAGS = {
    "release": "release of the target; default: its *_build_info metric",
    "release_var": "expvar variable that holds the release",
    "language": "language of the target (default go)",
    "pid": "process id, if it cannot be found by the listening port",
    "memory_limit_bytes": "limit at which the target is killed; default: its control group's",
    "point_seconds": "seconds between two points (default 10)",
    "profile_seconds": "seconds between two profiles (default 60)",
    "profile_path": "page of the profile below the target (default heap)",
    "metrics_url": "Prometheus page (default /metrics of the target)",
    "vars_url": "expvar page (default /debug/vars of the target)",
}
_LOAD_HELP = {
    "requests_metric": "counter of requests: a Prometheus selector or a dotted expvar name",
    "errors_metric": 'counter of errors, for example http_requests_total{code=~"5.."}',
    "latency_metric": "histogram or summary of latency",
    "p50_metric": "gauge of the median latency in ms",
    "p99_metric": "gauge of the 99th percentile of latency in ms",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plimsoll-sidecar", description="Profiles for Plimsoll from the outside."
    )
    parser.add_argument("--version", action="version", version=f"plimsoll-sidecar {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="scrape | replay")
    _add_scrape(verbs.add_parser("scrape", help="watch processes that speak pprof over HTTP"))
    _add_replay(verbs.add_parser("replay", help="push recorded traces through the server's door"))
    return parser


def _add_scrape(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(run=_scrape)
    verb.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="URL",
        help="http://host:port/debug/pprof; repeatable",
    )
    verb.add_argument(
        "--service", action="append", default=[], metavar="NAME", help="one for each target, in order"
    )
    verb.add_argument("--config", help="TOML or JSON file with [[target]] tables")
    for name, text in {**_TARGET_FLAGS, **_LOAD_HELP}.items():
        verb.add_argument(f"--{name.replace('_', '-')}", help=text)
    verb.add_argument(
        "--gauge", action="append", default=[], metavar="SERIES=METRIC", help="a further series"
    )
    verb.add_argument(
        "--label", action="append", default=[], metavar="KEY=VALUE", help="a label of the instance"
    )
    _add_server(verb)


def _add_replay(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(run=_replay)
    verb.add_argument(
        "folder", nargs="+", help="trace: meta.json, series.csv[.gz], profiles/<instance>/<ts>.pb.gz"
    )
    verb.add_argument(
        "--speed", type=_speed, default=0.0, help="recorded seconds per second; default: at once"
    )
    verb.add_argument("--clock", choices=CLOCKS, default="ends-now", help="where the trace lies in time")
    verb.add_argument("--shift-to-now", action="store_true", help="the same as --clock ends-now")
    verb.add_argument("--service", default="", help="name of the service; default: the recorded one")
    _add_server(verb)


def _add_server(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--url", help=f"the server (PLIMSOLL_URL, default {DEFAULT_URL})")
    verb.add_argument("--token", help="project token (PLIMSOLL_TOKEN)")
    verb.add_argument(
        "--ca-file", default="", help="PEM file of the authority that signed the server's certificate"
    )


def _speed(text: str) -> float:
    value = float(text)
    if not 0.0 < value <= 1e6:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 1,000,000")
    return value


if __name__ == "__main__":
    sys.exit(main())
