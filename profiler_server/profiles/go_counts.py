"""Go's heap values back to the small counts that they were computed from, bit for bit.

The Go runtime samples allocations and reports, for `n` sampled objects of `size` bytes at a mean distance `rate`,
``trunc(n·s)`` objects and ``trunc(n·size·s)`` bytes with ``s = 1 / (1 − exp(−size / rate))`` (scaleHeapSample in
runtime/pprof/protomem.go). Storing n instead of both is four times smaller. The exponential is the C library's, one
value per size, so that reading on another machine gives the same bits.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from profiler_server.core.profile import BoolArray, FloatArray, Int64Array, IntArray
from profiler_server.profiles.arranging import FAST_ROWS

TABLE_SIZES = 1 << 16
MAX_LARGE_SIZES = 100_000
MAX_REMEMBERED_RATES = 8
HEAP_TYPES = (
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
)


class Scaling:
    """The scale of every block size at one sampling rate (bytes between samples).

    `table` float64[TABLE_SIZES] are those of the small sizes, NaN where not asked for yet.
    """

    def __init__(self, rate: int) -> None:
        self._rate = float(rate)
        self.table = np.full(TABLE_SIZES, np.nan)
        self._large: dict[int, float] = {}

    def of(self, sizes: Int64Array) -> FloatArray:
        """Return float64[n], the scale of each block size; 0 for a size that is not positive."""
        if not len(sizes):
            return np.zeros(0)
        if int(sizes.max()) < TABLE_SIZES and int(sizes.min()) >= 0:
            scales = self.table[sizes]
            if np.isnan(scales).any():
                for size in np.unique(sizes[np.isnan(scales)]).tolist():
                    self.table[size] = self._compute(size)
                scales = self.table[sizes]
            return scales
        small = (sizes >= 0) & (sizes < TABLE_SIZES)
        scales = np.empty(len(sizes))
        scales[small] = self.of(sizes[small])
        scales[~small] = [self._of_large(size) for size in sizes[~small].tolist()]
        return scales

    def _of_large(self, size: int) -> float:
        found = self._large.get(size)
        if found is None:
            if len(self._large) >= MAX_LARGE_SIZES:
                self._large.clear()
            found = self._large[size] = self._compute(size)
        return found

    def _compute(self, size: int) -> float:
        return 1.0 / (1.0 - math.exp(-float(size) / self._rate)) if size > 0 else 0.0


@lru_cache(maxsize=MAX_REMEMBERED_RATES)
def scaling(rate: int) -> Scaling:
    """Return the scaling for a rate above 1."""
    return Scaling(rate)


def counts_of(values: Int64Array, sizes: Int64Array, rate: int) -> tuple[Int64Array, BoolArray]:
    """Return int64[n, 2] (allocated, in use) sampled counts of values int64[n, 4], and bool[n]: it is exact.

    Rows that are not exact hold zeros. `sizes` int64[n] are the block sizes, 0 where unknown.
    """
    if FAST_ROWS is None:
        return counts_in_numpy(values, sizes, rate)
    rows, lengths = np.ascontiguousarray(values, np.int64), np.ascontiguousarray(sizes, np.int64)
    counts, exact = FAST_ROWS.counts_of(rows, lengths, rate, scaling(rate).table)
    return counts.T, exact


def counts_in_numpy(values: Int64Array, sizes: Int64Array, rate: int) -> tuple[Int64Array, BoolArray]:
    """Return what `counts_of` returns, without the compiled module."""
    scales = scaling(rate).of(sizes)
    known = scales > 0
    if not known.all():
        scales = np.where(known, scales, 1.0)
    columns = np.ascontiguousarray(values.T)
    lengths = sizes.astype(np.float64)
    counts, whole = np.empty((2, len(values)), np.int64), known
    with np.errstate(over="ignore", invalid="ignore"):  # hostile values; what overflows does not reproduce
        for i in (0, 1):
            counts[i], exact = _invert(columns[2 * i], columns[2 * i + 1], lengths, scales)
            whole = whole & exact
    if not whole.all():
        counts[:, ~whole] = 0
    return counts.T, whole


def restore(counts: IntArray, sizes: Int64Array, rate: int, *, as_bytes: bool) -> Int64Array:
    """Return the objects, or bytes, that Go reports for sampled counts; counts [n] or [n, t], sizes int64[n]."""
    scales = scaling(rate).of(sizes)
    floats = counts.astype(np.float64)
    if counts.ndim > 1:
        scales, sizes = scales[:, None], sizes[:, None]
    if as_bytes:
        floats *= sizes
    floats *= scales
    return floats.astype(np.int64)


def _invert(
    objects: Int64Array, sizes: Int64Array, lengths: FloatArray, scales: FloatArray
) -> tuple[Int64Array, BoolArray]:
    """Return the count behind each pair of objects and bytes, and whether it gives exactly both."""
    guess = np.ceil(objects / scales)
    exact = _reproduces(guess, (objects, sizes), lengths, scales)
    for step in (1.0, -1.0):
        rows = np.flatnonzero(~exact)
        if not len(rows):
            break
        other = guess[rows] + step
        better = _reproduces(other, (objects[rows], sizes[rows]), lengths[rows], scales[rows])
        guess[rows[better]] = other[better]
        exact[rows[better]] = True
    return guess.astype(np.int64), exact


def _reproduces(
    guess: FloatArray, wanted: tuple[Int64Array, Int64Array], lengths: FloatArray, scales: FloatArray
) -> BoolArray:
    """Return bool[n]: the guessed counts give exactly these objects and bytes."""
    exact: BoolArray = (guess * scales).astype(np.int64) == wanted[0]
    exact &= ((guess * lengths) * scales).astype(np.int64) == wanted[1]
    return exact
