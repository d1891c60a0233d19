"""Interpreters with a GIL of their own allocate under the hooks, truly at the same time as the main one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.native.other_pythons import build, interpreters

SECONDS = 120
CHURN = "kept = [bytes(900) for _ in range(3000)]\nfor _ in range(40):\n    [bytes(700) for _ in range(500)]\ndel kept"
SCRIPT = f"""
import json, sys, threading
import plimsoll_agent_native as native
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    create = lambda: interpreters.create("isolated")
elif sys.version_info >= (3, 12):
    import _xxsubinterpreters as interpreters
    create = lambda: interpreters.create(isolated=True)
else:
    import _xxsubinterpreters as interpreters
    create = interpreters.create
native.start(4096)
made = [create() for _ in range(4)]
failures = []
def churn(one):
    for _ in range(5):
        failed = interpreters.run_string(one, {CHURN!r})
        if failed:
            failures.append(str(failed))
threads = [threading.Thread(target=churn, args=(one,)) for one in made]
for thread in threads:
    thread.start()
def mine():
    return [bytes(1000) for _ in range(4000)]
kept, snapshots = [], 0
while any(thread.is_alive() for thread in threads) or snapshots < 3:
    kept = mine()
    native.snapshot_pprof()
    snapshots += 1
for thread in threads:
    thread.join()
native.pause()
paused = native.stats()["hook_state"]
native.resume()
kept = mine()
taken = native.snapshot()
names = {{frame[0].partition(".")[0] for i in range(len(taken)) for frame in taken.stack(i)}}
other = native.stats()["other_gil"]
for one in made:
    interpreters.destroy(one)
native.stop()
print(json.dumps(dict(failures=failures, paused=paused, other=other, mine="mine" in names,
                      off=native.stats()["hook_state"], own_gil=sys.version_info >= (3, 12))))
"""


@pytest.mark.parametrize("version", sorted(interpreters()), ids=lambda version: ".".join(map(str, version)))
def test_interpreters_with_their_own_gil_are_counted_apart(version: tuple[int, int], tmp_path: Path) -> None:
    python = interpreters()[version]
    folder = build(python, tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**environment, "PYTHONPATH": str(folder)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["paused"] == 3  # others may be inside the hooks: these stay, and only forward
    assert (found["other"] > 0) == found["own_gil"]
    assert found["mine"]
    assert found["off"] == 0
