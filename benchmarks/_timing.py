"""Interleaved measurement in CPU time: every candidate in turn, round after round, then the median of each."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping

ROUNDS = 40


def medians_ms(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int = ROUNDS,
    *,
    clock: Callable[[], float] = time.perf_counter,
    alone: bool = False,
) -> dict[str, float]:
    """Return the median milliseconds of each candidate; all see the same minutes of a busy machine.

    With ``clock=time.thread_time`` it is processor time, which waiting for other programs does not lengthen. With
    `alone` each is called once untimed before it is timed, so that it finds the caches and the heap as it leaves them
    itself: the protobuf runtime calls ``malloc_trim``, which costs whoever comes next hundreds of page faults.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in candidates.items():
                if alone:
                    call()
                began = clock()
                call()
                times[name].append((clock() - began) * 1000)
    finally:
        gc.enable()
    return {name: statistics.median(found) for name, found in times.items()}


def verdict(what: str, ratio: float, target: float) -> str:
    """Return one line on a figure that must be at least `target`."""
    return f"{what:<64} {ratio:8.1f} x   (target {target:g} x: {'met' if ratio >= target else 'NOT MET'})"
