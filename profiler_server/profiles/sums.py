"""Profiles summed over windows of time: the one arithmetic behind roll-ups, merges and growth.

What is in use is averaged over time and summed over instances. Within a window an instance contributes the mean of its
profiles times the seconds that it was seen for; windows and instances then simply add up, and a mean is such a sum
divided by the seconds covered. All of it is integer arithmetic, so that sums of sums equal sums over the profiles.

What was done (allocations) is counted: the increases between successive profiles of one process life; a value that
falls has begun anew. The first profile of a life is where counting starts, and so is one that comes more than
`MAX_BASE_GAP_US` after its predecessor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TypeAlias

import numpy as np

from profiler_server.core.profile import Int64Array
from profiler_server.profiles.aggregation import Aggregation
from profiler_server.profiles.reading import Reading

SECOND_US = 1_000_000
MAX_BASE_GAP_US = 3_600 * SECOND_US


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of `step` seconds, counted from `origin`, of which only [start, end) is looked at; unix seconds."""

    origin: int
    step: int
    start_us: int
    end_us: int

    def window_of(self, taken_us: int) -> int:
        """Return the number of the window."""
        return (taken_us - self.origin * SECOND_US) // (self.step * SECOND_US)

    def bounds(self, window: int) -> tuple[int, int]:
        """Return the visible part of a window in unix seconds, rounded outwards."""
        low = self.origin + window * self.step
        return max(low, self.start_us // SECOND_US), min(low + self.step, -(-self.end_us // SECOND_US))


Seen: TypeAlias = tuple[
    int, int, int
]  # window, and the seconds of it that were seen: [low, high) in unix time


@dataclass(frozen=True, eq=False)
class Part:
    """Sums over some time: byte·seconds for a mean, plain increases for a count.

    `site_ids` int64[n] and `sums` int64[n]; `seen` are the spans of time that it speaks for, by window. A part that
    was computed from profiles is of one instance and one window.
    """

    site_ids: Int64Array
    sums: Int64Array
    profiles: int
    seen: tuple[Seen, ...]
    instance_id: int = 0


@dataclass(frozen=True, slots=True)
class Counting:
    """How to add up: the aggregation, the number of sites, and the shapes that hold increases already."""

    aggregation: Aggregation
    sites: int
    delta_shapes: frozenset[int]


def parts(readings: Iterable[Reading], grid: Grid, counting: Counting) -> Iterator[Part]:
    """Yield the parts of readings that are sorted by instance, shape and time.

    Readings before the grid's start only serve as what increases are counted from.
    """
    for (instance_id, shape_id), group in groupby(readings, key=lambda one: (one.instance_id, one.shape_id)):
        if counting.aggregation is Aggregation.MEAN:
            yield from _means(instance_id, group, grid, counting.sites)
        else:
            is_delta = shape_id in counting.delta_shapes
            yield from _increases(instance_id, group, grid, sites=counting.sites, is_delta=is_delta)


def united(found: Iterable[Part]) -> tuple[Seen, ...]:
    """Return what all parts together have seen: per window from the first to the last moment."""
    bounds: dict[int, tuple[int, int]] = {}
    for part in found:
        for window, low, high in part.seen:
            known = bounds.get(window, (low, high))
            bounds[window] = (min(known[0], low), max(known[1], high))
    return tuple((window, *bounds[window]) for window in sorted(bounds))


def total_of(found: Iterable[Part], sites: int) -> Int64Array:
    """Return int64[sites], the sum of the parts."""
    total = np.zeros(sites, np.int64)
    for part in found:
        total[part.site_ids] += part.sums
    return total


def seconds_of(seen: Iterable[Seen]) -> int:
    """Return the number of seconds seen."""
    return sum(high - low for _, low, high in seen)


def rounded_mean(sums: Int64Array, seconds: int) -> Int64Array:
    """Return sums of byte·seconds as means over `seconds`, rounded half up."""
    return (sums + seconds // 2) // max(seconds, 1)


def _slices(reading: Reading, grid: Grid) -> Iterator[tuple[int, slice]]:
    """Yield (window, columns) of a reading for the columns within the grid."""
    if len(reading.taken_us) == 1:
        taken = int(reading.taken_us[0])
        if grid.start_us <= taken < grid.end_us:
            yield grid.window_of(taken), slice(0, 1)
        return
    inside = np.flatnonzero((reading.taken_us >= grid.start_us) & (reading.taken_us < grid.end_us))
    if not len(inside):
        return
    low, high = int(inside[0]), int(inside[-1]) + 1
    windows = (reading.taken_us[low:high] - grid.origin * SECOND_US) // (grid.step * SECOND_US)
    edges = [0, *(np.flatnonzero(np.diff(windows)) + 1).tolist(), high - low]
    for first, last in pairwise(edges):
        yield int(windows[first]), slice(low + first, low + last)


class _WindowTotal:
    """The running total of one instance in one window."""

    def __init__(self, window: int, sites: int) -> None:
        self.window = window
        self.sums = np.zeros(sites, np.int64)
        self.times: list[int] = []

    def part(self, instance_id: int, grid: Grid, *, is_mean: bool) -> Part:
        low, high = _seen(self.times, *grid.bounds(self.window))
        count = len(self.times)
        sums = (self.sums * (high - low) + count // 2) // count if is_mean else self.sums
        some = np.flatnonzero(sums)
        return Part(some, sums[some], count, ((self.window, low, high),), instance_id)


def _means(instance_id: int, group: Iterable[Reading], grid: Grid, sites: int) -> Iterator[Part]:
    total: _WindowTotal | None = None
    for reading in group:
        for window, columns in _slices(reading, grid):
            if total is None or total.window != window:
                if total is not None:
                    yield total.part(instance_id, grid, is_mean=True)
                total = _WindowTotal(window, sites)
            total.sums[reading.site_ids] += _row_sums(reading.values[:, columns])
            total.times.extend(reading.taken_us[columns].tolist())
    if total is not None:
        yield total.part(instance_id, grid, is_mean=True)


def _increases(
    instance_id: int, group: Iterable[Reading], grid: Grid, *, sites: int, is_delta: bool
) -> Iterator[Part]:
    total: _WindowTotal | None = None
    base, base_us = np.zeros(sites, np.int64), None
    for reading in group:
        grown = reading.values if is_delta else _grown(reading, base, base_us)
        for window, columns in _slices(reading, grid):
            if total is None or total.window != window:
                if total is not None:
                    yield total.part(instance_id, grid, is_mean=False)
                total = _WindowTotal(window, sites)
            total.sums[reading.site_ids] += _row_sums(grown[:, columns])
            total.times.extend(reading.taken_us[columns].tolist())
        base[:] = 0
        base[reading.site_ids] = reading.values[:, -1]
        base_us = int(reading.taken_us[-1])
    if total is not None:
        yield total.part(instance_id, grid, is_mean=False)


def _row_sums(values: Int64Array) -> Int64Array:
    sums: Int64Array = values[:, 0] if values.shape[1] == 1 else values.sum(axis=1)
    return sums


def _grown(reading: Reading, base: Int64Array, base_us: int | None) -> Int64Array:
    """Return int64[s, t]: the increase of each profile over the one before it."""
    before = np.concatenate([base[reading.site_ids, None], reading.values[:, :-1]], axis=1)
    steps = reading.values - before
    grown = np.where(steps >= 0, steps, reading.values)
    first_us = reading.taken_us[0] - MAX_BASE_GAP_US - 1 if base_us is None else base_us
    gaps = np.diff(reading.taken_us, prepend=first_us)
    grown[:, gaps > MAX_BASE_GAP_US] = 0
    return grown


def _seen(times_us: list[int], low: int, high: int) -> tuple[int, int]:
    """Return the seconds of [low, high) that profiles at these times speak for.

    A profile speaks for half an interval to both sides; up to the window's edge when it is within one and a half. A
    lone profile speaks for the whole window.
    """
    count = len(times_us)
    if count == 1:
        return low, high
    first, last = times_us[0], times_us[-1]
    gap = (last - first) // (count - 1)
    starts_with_window = 2 * (first - low * SECOND_US) <= 3 * gap
    ends_with_window = 2 * (high * SECOND_US - last) <= 3 * gap
    start = low if starts_with_window else max(low, (first - gap // 2) // SECOND_US)
    end = high if ends_with_window else min(high, -(-(last + gap // 2) // SECOND_US))
    return start, max(end, start + 1)
