"""How long a service stops for a search for holders: clone and census at several heap sizes, medians.

`python -m benchmarks.agent_holders` prints milliseconds of this machine beside the milliseconds of a bare `os.fork()`
of the same process, which is what the stop should be compared with.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import plimsoll_agent_native as native

from benchmarks.agent_workloads import live_heap

ROOT = Path(__file__).resolve().parent.parent
HEAP_MEGABYTES = (50, 200, 500)
ROUNDS = 7
CHILD_SECONDS = 300
TICK_SECONDS = 0.0005


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def huge_megabytes() -> float:
    """What of this process lies in huge pages."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages:")) / 1e3


def fork_ms() -> float:
    """A bare fork of this process, as the parent sees it."""
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    elapsed = time.perf_counter() - started
    os.waitpid(pid, 0)
    return elapsed * 1e3


def longest_gap_ms(run: Callable[[], object]) -> float:
    """The longest time that another thread could not run while `run` did."""
    gaps: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(TICK_SECONDS)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=tick)
    thread.start()
    time.sleep(0.05)
    gaps.clear()
    run()
    time.sleep(0.01)
    stop.set()
    thread.join()
    return max(gaps) * 1e3


def measure(megabytes: float) -> dict[str, float]:
    """Medians over rounds of clone and census; the forks come first, before a search has merged any page."""
    native.start()
    heap = live_heap(megabytes)
    gc.collect()
    site = [("Session.__init__", live_heap.__code__.co_filename, 0)]
    rows: dict[str, list[float]] = {name: [] for name in ("fork", "clone", "total", "gap", "census")}
    rows["fork"] = [fork_ms() for _ in range(ROUNDS)]
    before = resident_megabytes()
    searches: list[native.HolderReport] = []
    rows["first"] = [longest_gap_ms(lambda: searches.append(native.find_holders(site, method="snapshot")))]
    for _ in range(ROUNDS):
        started = time.perf_counter()
        rows["clone"].append(native.find_holders(site, method="snapshot")["pause_ms"])
        rows["total"].append((time.perf_counter() - started) * 1e3)
        rows["gap"].append(longest_gap_ms(lambda: native.find_holders(site, method="snapshot")))
        rows["census"].append(native.census().pause_ms)
    grown = resident_megabytes() - before
    assert heap
    medians = {name: statistics.median(values) for name, values in rows.items()}
    quickest = {f"{name}_min": min(values) for name, values in rows.items()}
    return (
        medians
        | quickest
        | {
            "rss": before,
            "grown": grown,
            "huge": huge_megabytes(),
            "unexplained": searches[0]["unexplained_share"],
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    arguments, _ = parser.parse_known_args()
    if arguments.one is not None:
        print(json.dumps(measure(arguments.one)))
        sys.stdout.flush()
        os._exit(0)
    print(f"milliseconds that the service stops, medians (minima) of {ROUNDS}")
    for megabytes in HEAP_MEGABYTES:
        command = [sys.executable, "-m", "benchmarks.agent_holders", "--one", str(megabytes)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=CHILD_SECONDS, check=True
        )
        row = json.loads(done.stdout.splitlines()[-1])
        cells = [
            f"{name} {row[name]:6.1f} ({row[name + '_min']:.1f})"
            for name in ("fork", "clone", "gap", "census")
        ]
        cells.append(f"gap of the first search {row['first']:.1f}")
        print(f"  RSS {row['rss']:4.0f} MB: {'  '.join(cells)}  whole search {row['total']:.0f}", flush=True)
        print(
            f"     clone / fork {row['clone'] / row['fork']:.2f}, unexplained {row['unexplained']:.1%}, "
            f"RSS grown by {row['grown']:.1f} MB, in huge pages {row['huge']:.0f} MB",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
