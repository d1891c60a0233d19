"""What the agent costs in its default mode over a real hour with one arming: its own processor time, by thread clock.

Run: python -m benchmarks.agent_hour --minutes 60 [--load 0.1]   (three minutes by default)

A program serves Flask requests at a modest load for the whole time; a small server takes what its agent sends and
orders one arming for a twelfth of it (five minutes of an hour).  Processor time is what counts, so other programs on
the machine matter little.  The hooks cost the program's own threads something while armed: see `agent_overhead`.
"""

from __future__ import annotations

import argparse
import gzip
import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from benchmarks.agent_workloads import flask_requests, live_heap

ROOT = Path(__file__).resolve().parent.parent
LIVE_MEGABYTES = 50.0
ARMED_SHARE = 1 / 12  # of the whole time: five minutes of an hour
GOAL_SHARE = 0.002
GRACE_SECONDS = 120


class Taker(Protocol):
    """Notes one request and gives the answer."""

    def take(self, path: str, body: bytes) -> bytes:
        """The answer to one request."""


class Orders:
    """What the agent sent, and the one command that it is given."""

    def __init__(self, seconds: float) -> None:
        self.order_at = time.monotonic() + seconds / 3
        self.arm_seconds = seconds * ARMED_SHARE
        self.pushes = self.profiles = 0
        self.profile_bytes = self.point_bytes = 0
        self.last: dict[str, Any] = {}
        self.ordered = False

    def take(self, path: str, body: bytes) -> bytes:
        """Notes one request; returns the answer."""
        if path.startswith("/v1/profiles"):
            self.profiles += 1
            self.profile_bytes += len(body)
            return b'{"status":"stored","snapshot":"1","commands":[]}'
        self.pushes += 1
        self.point_bytes += len(body)
        self.last.update({k: v[-1] for k, v in json.loads(body)["points"]["columns"].items()})
        commands = []
        if not self.ordered and time.monotonic() >= self.order_at:
            self.ordered = True
            commands = [{"id": "1", "kind": "arm_sampler", "seconds": self.arm_seconds}]
        return json.dumps({"commands": commands}).encode()


def handler_of(orders: Taker) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip" and not self.path.startswith("/v1/profiles"):
                body = gzip.decompress(body)
            answer = orders.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    return Handler


def serve_for(seconds: float, load: float) -> None:
    """The program: one step of requests, then a rest, so that it is busy for a share `load` of the time."""
    import plimsoll_agent  # noqa: PLC0415 - only the program carries it
    import plimsoll_agent_native as native  # noqa: PLC0415

    heap = live_heap(LIVE_MEGABYTES)
    step = flask_requests()
    plimsoll_agent.start()
    started, process_began = time.monotonic(), time.process_time()
    armed_seconds, steps = 0.0, 0
    while time.monotonic() - started < seconds:
        armed = native.stats()["hook_state"] == native.HookState.ARMED
        began, before = time.monotonic(), time.thread_time()
        step()
        steps += 1
        time.sleep((time.thread_time() - before) * (1 / load - 1))
        armed_seconds += (time.monotonic() - began) * armed
    assert heap
    print(
        json.dumps(
            {
                "wall": time.monotonic() - started,
                "process": time.process_time() - process_began,
                "armed": armed_seconds,
                "steps": steps,
            }
        )
    )


def report(found: dict[str, float], orders: Orders) -> None:
    agent, wall = float(orders.last["agent_cpu_seconds"]), found["wall"]
    met = "met" if agent / wall <= GOAL_SHARE else "MISSED"
    rows = (
        ("time", f"{wall / 60:.1f} minutes, {found['steps']:,.0f} steps of four requests"),
        (
            "armed",
            f"{found['armed']:.0f} s = {found['armed'] / wall:.1%} of the time (ordered: {ARMED_SHARE:.1%})",
        ),
        ("sent", f"{orders.pushes} pushes of {orders.point_bytes / 1e3:,.0f} kB"),
        ("", f"{orders.profiles} profiles of {orders.profile_bytes / 1e3:,.0f} kB"),
        (
            "the program's processor time",
            f"{found['process']:.2f} s = {found['process'] / wall:.2%} of a core",
        ),
        (
            "the agent's thread",
            f"{agent:.2f} s = {agent / wall:.4%} of a core (goal {GOAL_SHARE:.1%}: {met})",
        ),
        ("", f"{agent / found['process']:.3%} of the program's processor time"),
        (
            "the agent's memory at the end",
            f"{orders.last['agent_rss_bytes'] / 1e6:.2f} MB by its own account",
        ),
    )
    for name, text in rows:
        print(f"{name:30} {text}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--load", type=float, default=0.1, help="share of a core that the program uses")
    parser.add_argument("--program", type=float, help=argparse.SUPPRESS)
    arguments, _ = parser.parse_known_args()
    if arguments.program is not None:
        serve_for(arguments.program, arguments.load)
        return 0
    seconds = arguments.minutes * 60
    orders = Orders(seconds)
    with socketserver.TCPServer(("127.0.0.1", 0), handler_of(orders)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
        url = f"http://127.0.0.1:{server.server_address[1]}"
        command = [sys.executable, "-m", "benchmarks.agent_hour"]
        command += ["--program", str(seconds), "--load", str(arguments.load)]
        done = subprocess.run(
            command, cwd=ROOT, env={**kept, "PLIMSOLL_SERVICE": "hour", "PLIMSOLL_URL": url},
            capture_output=True, text=True, timeout=seconds + GRACE_SECONDS, check=False,
        )  # fmt: skip
        server.shutdown()
    if done.returncode:
        print(done.stderr)
        return 1
    report(json.loads(done.stdout.splitlines()[-1]), orders)
    return 0


if __name__ == "__main__":
    sys.exit(main())
