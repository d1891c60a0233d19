"""What one evaluation costs, and how many services a core can watch: python -m benchmarks.detect [--services N …].

First the core alone: services with four instances and a day of points every five minutes. A full evaluation judges
anew; most runs find that too little has come since the last one and repeat it. Then whole rounds of five minutes
through the database: points are stored, due services claimed, and every batch is evaluated and written as a worker
does it. Every service is evaluated; only the day behind them is shared. Prints CPU time, PostgreSQL's included.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks import _database
from profiler_server.core.leak import InstanceSeries, LeakState, ServiceWindow, evaluate

EPOCH = 1_800_000_000.0
INTERVAL = 300.0
INSTANCES = 4
POINTS = 288
SIZES = (100, 1_000, 10_000)
MIB = 1024.0 * 1024.0


def a_window(seed: int, points: int) -> ServiceWindow:
    rng = np.random.default_rng(seed)
    ts = EPOCH + INTERVAL * np.arange(float(points))
    load = 200 + 150 * np.sin(2 * np.pi * (ts - EPOCH) / 86400)
    lives = []
    for k in range(INSTANCES):
        heap = (400 + 0.2 * load + 2 * rng.standard_normal(points)) * MIB
        columns = {"rss_bytes": 1.4 * heap, "heap_live_bytes": heap, "heap_inuse_bytes": 1.1 * heap,
                   "heap_sys_bytes": 1.2 * heap, "heap_released_bytes": np.zeros(points), "requests": load * INTERVAL,
                   "threads": np.full(points, 12.0), "goroutines": 100 + load}  # fmt: skip
        lives.append(InstanceSeries(f"i{k}", EPOCH - 1e5, "v1", ts, columns))
    return ServiceWindow(float(ts[-1]) + INTERVAL, INTERVAL, None, "go", (), tuple(lives))


def later(window: ServiceWindow, seconds: float) -> ServiceWindow:
    """Return the window as it stands `seconds` later, with only the points that have come since."""
    fresh = np.arange(window.now, window.now + seconds, INTERVAL)
    lives = tuple(
        InstanceSeries(
            s.instance,
            s.started_at,
            s.version,
            fresh,
            {n: np.full(len(fresh), v[-1]) for n, v in s.columns.items()},
        )
        for s in window.instances
    )
    return ServiceWindow(window.now + seconds, INTERVAL, None, "go", (), lives)


def cpu(call: object, rounds: int) -> float:
    """Return the median CPU milliseconds of a call."""
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        call()  # type: ignore[operator]
        spent.append(1000 * (time.process_time() - begin))
    return median(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--services", type=int, nargs="*", default=SIZES, help="sizes of fleets in the database"
    )
    options = parser.parse_args(None if __name__ == "__main__" else [])
    rounds = options.rounds
    window = a_window(1, POINTS)
    state = evaluate(window, LeakState()).state
    soon, next_full = later(window, INTERVAL), later(window, 3 * 3600.0)
    packed = state.to_json()
    first = cpu(lambda: evaluate(window, LeakState()), rounds)
    full = cpu(lambda: evaluate(next_full, state), rounds)
    repeat = cpu(lambda: evaluate(soon, state), rounds)
    storing = cpu(lambda: LeakState.from_json(state.to_json()), rounds)
    print(f"first evaluation, {INSTANCES} instances, 24 h of points   {first:7.2f} ms CPU")
    print(f"full evaluation, new points only                 {full:7.2f} ms CPU")
    print(f"run that repeats the last verdict                {repeat:7.2f} ms CPU")
    print(f"state to JSON and back ({len(str(packed)) / 1024:.0f} KiB)                 {storing:7.2f} ms CPU")
    share = INTERVAL / (0.03 * POINTS * INTERVAL)
    mixed = share * full + (1 - share) * repeat + storing
    print(f"mix at one run every five minutes                {mixed:7.2f} ms CPU\n", flush=True)
    print_fleets(options.services)


def print_fleets(sizes: Sequence[int]) -> None:
    """Print what a round of each size costs, end to end."""
    _database.start()
    from benchmarks._fleet import Fleet  # noqa: PLC0415  its models need Django to be set up

    for size in sizes:
        print(Fleet(size).round().in_words(), flush=True)


if __name__ == "__main__":
    main()
