"""What each group of the Python agent's counters costs (µs), and what one whole turn of the agent costs.

Run: python -m benchmarks.agent_counters [--megabytes 200] [--rounds 200]

Every group is timed interleaved with the others, round by round; the table shows medians and the ratio to the cheapest
group of the same run. The heap is filled first with many small objects and some large buffers, half each.
"""

from __future__ import annotations

import argparse
import gc
import http.server
import os
import socketserver
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from plimsoll_agent.agent import Agent
from plimsoll_agent.allocators import Allocators
from plimsoll_agent.census import Census
from plimsoll_agent.cgroup import find_cgroup
from plimsoll_agent.collector import CollectorWatch
from plimsoll_agent.custom import CustomSeries
from plimsoll_agent.load import LoadMeter
from plimsoll_agent.proc import KeptFile, ProcessFiles, count_fds, smaps_rollup
from plimsoll_agent.samplers.absent import AbsentSampler
from plimsoll_agent.settings import Settings
from plimsoll_agent.waterfall import COST_SHARE

OBJECT_BYTES = 120
BUFFER_BYTES = 100_000
POINT_SECONDS = 10.0
SLOW_GROUP_SECONDS = 0.005
TURNS = 50


def fill(megabytes: int) -> list[object]:
    """Keep ``megabytes`` alive: half in small dictionaries' strings, half in buffers."""
    half = megabytes * 500_000
    small = [f"{n:040d}" for n in range(half // OBJECT_BYTES)]
    large = [bytearray(BUFFER_BYTES) for _ in range(half // BUFFER_BYTES)]
    return [small, large]


def groups() -> dict[str, Callable[[], object]]:
    """The counters by name, as the agent calls them."""
    files, cgroup, allocators = ProcessFiles(), find_cgroup(), Allocators()
    statm, watch, load, series = KeptFile("/proc/self/statm"), CollectorWatch(), LoadMeter(), CustomSeries()
    load.served(0.01)
    for n in range(10):
        series.gauge(f"g{n}", n)
    found: dict[str, Callable[[], object]] = {
        "statm (kept descriptor)": statm.read,
        "statm and status, parsed": files.memory,
        "gc by callbacks, per reading": watch.take,
        "count one request": lambda: load.served(0.01),
        "load of the interval": load.take,
        "ten series of one's own": series.take,
        "open descriptors": count_fds,
        "sys.getallocatedblocks": sys.getallocatedblocks,
        "mallinfo2": allocators.malloc,
        "pymalloc's report": allocators.pymalloc,
        "smaps_rollup (on demand)": smaps_rollup,
        "census of containers (on demand)": Census().count,
    }
    if cgroup is not None:
        found["control group"] = cgroup.read
    return found


def measure(rounds: int) -> dict[str, float]:
    """Median seconds per call; slow groups get a tenth of the rounds."""
    named = groups()
    times: dict[str, list[float]] = {name: [] for name in named}
    for number in range(rounds):
        for name, call in named.items():
            if number % 10 and times[name] and times[name][0] > SLOW_GROUP_SECONDS:
                continue
            began = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in times.items()}


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        return


def measure_turn() -> float:
    """CPU seconds of one turn (measure, encode, send over loopback), in the thread that takes it."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        agent = Agent(Settings(service="benchmark", url=url), AbsentSampler())
        agent._tick()
        times = []
        for _ in range(TURNS):
            began = time.thread_time()
            agent._tick()
            times.append(time.thread_time() - began)
            time.sleep(0.01)
        server.shutdown()
    return statistics.median(times)


_AT_REST = """
import sys, time
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * {page}
import flask
before = rss()
if "agent" in sys.argv:
    import plimsoll_agent
    plimsoll_agent.start(service="s", url="http://127.0.0.1:9", point_seconds=0.2)
time.sleep(1.0)
print(rss() - before)
"""


def measure_rest() -> float:
    """RSS that the agent adds to a program that has imported Flask, in bytes."""
    code = _AT_REST.format(page=os.sysconf("SC_PAGE_SIZE"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PLIMSOLL_"))}
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**kept, "PYTHONPYCACHEPREFIX": compiled}

        def grown(*arguments: str) -> int:
            command = [sys.executable, "-c", code, *arguments]
            ended = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
            return int(ended.stdout)

        grown("agent")  # compiles the modules, once
        return statistics.median(grown("agent") - grown() for _ in range(5))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    kept = fill(options.megabytes)
    gc.collect()
    seconds = measure(options.rounds)
    cheapest = min(seconds.values())
    print(
        f"Python {sys.version.split()[0]}, {options.megabytes} MB kept, medians of {options.rounds} rounds\n"
    )
    print(f"| {'group':<34} | {'µs':>9} | {'ratio':>8} |\n|{'-' * 36}|{'-' * 11}|{'-' * 10}|")
    for name, value in sorted(seconds.items(), key=lambda item: item[1]):
        print(f"| {name:<34} | {value * 1e6:>9,.1f} | {value / cheapest:>8,.0f} |")
    turn = measure_turn()
    print(
        f"\none turn (measure, encode, send): {turn * 1e6:,.0f} µs of CPU = {turn / POINT_SECONDS:.4%} of a core"
    )
    print(
        f"at a point every {POINT_SECONDS:.0f} s; each budgeted group is bounded at {COST_SHARE:.2%} of a core"
    )
    print(f"RSS added to a Flask program at rest, default mode: {measure_rest() / 1e6:.2f} MB")
    del kept


if __name__ == "__main__":
    main()
