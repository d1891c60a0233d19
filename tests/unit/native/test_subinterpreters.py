"""Interpreters with a GIL of their own allocate under the hooks, truly at the same time as the main one."""

from __future__ import annotations

from pathlib import Path

from tests.unit.native.other_pythons import SUBINTERPRETERS, run

CHURN = "kept = [bytes(900) for _ in range(3000)]\nfor _ in range(40):\n    [bytes(700) for _ in range(500)]\ndel kept"
SCRIPT = f"""{SUBINTERPRETERS}
import json, threading
import plimsoll_agent_native as native
native.start(4096)
made = [create(own_gil=True) for _ in range(4)]
failures = []
def churn(one):
    for _ in range(5):
        failed = run(one, {CHURN!r})
        if failed:
            failures.append(failed)
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


def test_interpreters_with_their_own_gil_are_counted_apart(other_python: tuple[str, Path]) -> None:
    found = run(*other_python, SCRIPT)
    assert found["failures"] == []
    assert found["paused"] == 3  # others may be inside the hooks: these stay, and only forward
    assert (found["other"] > 0) == found["own_gil"]
    assert found["mine"]
    assert found["off"] == 0
