"""A real kill for want of memory: a control group with a limit, a worker that leaks into it, and what the agent says.

Run: python -m benchmarks.agent_oom    (needs write access to the machine's memory control groups, and says so if not)

The parent of the worker carries the agent and survives; its next points must count the kill and mark it.
"""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from benchmarks.agent_hour import handler_of

ROOT = Path(__file__).resolve().parent.parent
LIMIT_BYTES = 96 << 20
SECONDS = 60
PROGRAM = """
import os, time, plimsoll_agent
plimsoll_agent.start(service="worker", point_seconds=0.5, sampler="rss")
time.sleep(1.5)
pid = os.fork()
if pid == 0:
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20)))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
time.sleep(2)
"""


class Heard:
    """Columns and markers of the processes that spoke."""

    def __init__(self) -> None:
        self.markers: list[dict[str, Any]] = []
        self.kills: list[float] = []
        self.limits: set[float] = set()

    def take(self, path: str, body: bytes) -> bytes:
        """Notes one push; returns the answer."""
        if path.startswith("/v1/points"):
            said = json.loads(body)
            self.markers += said["markers"]
            self.kills += said["points"]["columns"].get("cgroup_oom_kills", [])
            self.limits.update(said["points"]["columns"].get("cgroup_limit_bytes", []))
        return b"{}"


def make_group() -> Path:
    """A new memory control group with the limit; raises OSError where that is not allowed."""
    root = Path("/sys/fs/cgroup")
    second = (root / "cgroup.controllers").exists()
    group = (root if second else root / "memory") / f"plimsoll-oom-{os.getpid()}"
    group.mkdir()
    try:
        (group / ("memory.max" if second else "memory.limit_in_bytes")).write_text(str(LIMIT_BYTES))
    except OSError:
        group.rmdir()
        raise
    return group


def run_in(group: Path, url: str) -> str:
    """Runs the program in the group; returns what it printed."""
    join = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')"
    environment = os.environ | {"PLIMSOLL_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", f"{join}\n{PROGRAM}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr[-500:]


def main() -> int:
    heard = Heard()
    try:
        group = make_group()
    except OSError as problem:
        print(f"not run: no memory control group can be made here ({problem})")
        return 0
    try:
        with socketserver.TCPServer(("127.0.0.1", 0), handler_of(heard)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            printed = run_in(group, f"http://127.0.0.1:{server.server_address[1]}")
            server.shutdown()
    finally:
        group.rmdir()
    marks = [mark["text"] for mark in heard.markers if mark["kind"] == "oom"]
    print(f"limit of the control group   {LIMIT_BYTES:,} bytes; said by the agent: {sorted(heard.limits)}")
    print(f"the worker ended with        {printed} (-9: killed)")
    print(f"kills as the agent read them {heard.kills}")
    print(f"markers                      {marks}")
    right = printed == "-9" and max(heard.kills, default=0) >= 1 and len(marks) == 1
    print("told" if right else "NOT told")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
