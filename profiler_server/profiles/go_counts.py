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

TABLE_SIZES = 1 << 16
MAX_REMEMBERED_RATES = 8
HEAP_TYPES = (
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
)


class Scaling:
    """The scale of every block size at one sampling rate (bytes between samples)."""

    def __init__(self, rate: int) -> None:
        self._rate = float(rate)
        self._table = np.full(TABLE_SIZES, np.nan)

    def of(self, sizes: Int64Array) -> FloatArray:
        """Return float64[n], the scale of each block size; 0 for a size that is not positive."""
        if not len(sizes):
            return np.zeros(0)
        if int(sizes.max()) < TABLE_SIZES and int(sizes.min()) >= 0:
            scales = self._table[sizes]
            if np.isnan(scales).any():
                for size in np.unique(sizes[np.isnan(scales)]).tolist():
                    self._table[size] = self._compute(size)
                scales = self._table[sizes]
            return scales
        distinct, inverse = np.unique(sizes, return_inverse=True)
        return np.array([self._compute(size) for size in distinct.tolist()])[inverse]

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
    scales = scaling(rate).of(sizes)
    known = scales > 0
    safe = np.where(known, scales, 1.0)
    objects = values[:, ::2]
    guess = np.ceil(objects / safe[:, None])
    exact = _reproduces(guess, values, sizes, safe)
    for step in (1.0, -1.0):
        if exact.all():
            break
        other = np.where(exact, guess, guess + step)
        better = ~exact & _reproduces(other, values, sizes, safe)
        guess, exact = np.where(better, other, guess), exact | better
    whole = exact.all(axis=1) & known
    return np.where(whole[:, None], guess, 0).astype(np.int64), whole


def restore(counts: IntArray, sizes: Int64Array, rate: int, *, as_bytes: bool) -> Int64Array:
    """Return the objects, or bytes, that Go reports for sampled counts; counts [n] or [n, t], sizes int64[n]."""
    scales = scaling(rate).of(sizes)
    floats = counts.astype(np.float64)
    if counts.ndim > 1:
        scales, sizes = scales[:, None], sizes[:, None]
    return ((floats * sizes if as_bytes else floats) * scales).astype(np.int64)


def _reproduces(guess: FloatArray, values: Int64Array, sizes: Int64Array, scales: FloatArray) -> BoolArray:
    """Return bool[n, 2]: the guessed counts give exactly these objects and bytes."""
    objects = (guess * scales[:, None]).astype(np.int64) == values[:, ::2]
    exact: BoolArray = objects & (
        ((guess * sizes[:, None]) * scales[:, None]).astype(np.int64) == values[:, 1::2]
    )
    return exact
