"""What one evaluation costs, and how many services a core can watch: python -m benchmarks.detect [--rounds N].

Services have four instances and a day of points every five minutes. A full evaluation judges anew; most runs find that
too little has come since the last one and repeat it. The mix that production sees is printed for an interval of five
minutes.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from profiler_server.core.leak import InstanceSeries, LeakState, ServiceWindow, evaluate

EPOCH = 1_800_000_000.0
INTERVAL = 300.0
INSTANCES = 4
POINTS = 288
SIZES = (100, 1_000, 10_000)
MIB = 1024.0 * 1024.0


def a_window(seed: int, points: int) -> ServiceWindow:
    rng = np.random.default_rng(seed)
    ts = EPOCH + INTERVAL * np.arange(points)
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
    rounds = parser.parse_args().rounds
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
    print(
        f"mix at one run every five minutes                {mixed:7.2f} ms CPU = {1000 / mixed:,.0f} services/s/core\n"
    )
    for size in SIZES:
        begin = time.process_time()
        for n in range(min(size, 200)):
            evaluate(
                next_full if n % round(1 / share) == 0 else soon, LeakState.from_json(packed)
            ).state.to_json()
        seconds = (time.process_time() - begin) / min(size, 200) * size
        print(f"{size:7,} services: {seconds:8.2f} core-seconds a round, {size / seconds:6,.0f}/s/core, "
              f"{100 * seconds / (2 * INTERVAL):5.1f} % of two cores at five minutes")  # fmt: skip


if __name__ == "__main__":
    main()
