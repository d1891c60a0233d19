"""An hour of one instance: batches joined, packed as a chunk, and thinned to buckets that keep the extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.core.points import PointBatch
from profiler_server.core.profile import FloatArray
from profiler_server.series.slices import decode_times, decode_values, encode_times, encode_values

FIVE_MINUTES = 300
SECONDS_PER_HOUR = 3600
COARSE_FROM = 1000.0  # means beyond this are kept as whole numbers, smaller ones to a thousandth
UNITS_IN_MEAN = 1000.0  # means of at least so many of the column's own units (pages, say) are kept in these
EXACT_LIMIT = float(1 << 53)


@dataclass(frozen=True, slots=True)
class Packed:
    """Slices in one piece: slice i is ``data[ends[i - 1]:ends[i]]``."""

    ends: list[int]
    data: bytes


@dataclass(frozen=True, eq=False)
class Buckets:
    """`ts` float64[b] starts of buckets; per column float64[b] means, lows and highs (NaN without a point)."""

    ts: FloatArray
    columns: dict[str, tuple[FloatArray, FloatArray, FloatArray]]


def join_batches(batches: Sequence[PointBatch]) -> PointBatch:
    """Return all points in the order of time; for each time and column the first batch with a value wins."""
    ts = np.unique(np.concatenate([batch.ts for batch in batches]))
    names = dict.fromkeys(name for batch in batches for name in batch.columns)
    columns = {name: np.full(len(ts), np.nan) for name in names}
    for batch in batches:
        place = np.searchsorted(ts, batch.ts)
        for name, values in batch.columns.items():
            column = columns[name]
            column[place] = np.where(np.isnan(column[place]), values, column[place])
    return PointBatch(ts, columns)


def pack_hour(points: PointBatch, start: float) -> Packed:
    """Return an hour's times and columns as slices."""
    return _joined([encode_times(points.ts, start), *map(encode_values, points.columns.values())])


def unpack_hour(
    data: bytes, ends: Sequence[int], names: Sequence[str], start: float, points: int
) -> PointBatch:
    """Undo `pack_hour`."""
    slices = [data[low:high] for low, high in zip([0, *ends[:-1]], ends, strict=True)]
    ts = decode_times(slices[0], start, points)
    return PointBatch(
        ts, {name: decode_values(one, points) for name, one in zip(names, slices[1:], strict=True)}
    )


def thin(points: PointBatch, start: float, step: int) -> Buckets:
    """Return buckets of `step` seconds from `start`."""
    bucket = ((points.ts - start) // step).astype(np.int64)
    present, first = np.unique(bucket, return_index=True)
    columns = {name: _thinned(values, first) for name, values in points.columns.items()}
    return Buckets(start + present.astype(np.float64) * step, columns)


def pack_buckets(buckets: Buckets, start: float) -> Packed:
    """Return buckets as slices: the times, then per column means, lows and highs after each other."""
    columns = [
        encode_values(np.concatenate([_coarse(mean, low, high), low, high]))
        for mean, low, high in buckets.columns.values()
    ]
    return _joined([encode_times(buckets.ts, start), *columns])


def _thinned(values: FloatArray, first: np.ndarray) -> tuple[FloatArray, FloatArray, FloatArray]:
    some = ~np.isnan(values)
    counts = np.add.reduceat(some.astype(np.float64), first)
    sums = np.add.reduceat(np.where(some, values, 0.0), first)
    lows = np.minimum.reduceat(np.where(some, values, np.inf), first)
    highs = np.maximum.reduceat(np.where(some, values, -np.inf), first)
    empty = counts == 0
    means = sums / np.where(empty, 1.0, counts)
    return np.where(empty, np.nan, means), np.where(empty, np.nan, lows), np.where(empty, np.nan, highs)


def _coarse(means: FloatArray, lows: FloatArray, highs: FloatArray) -> FloatArray:
    """Return means as fine as a picture needs; a mean in units of its column stays between its extremes."""
    coarse: FloatArray = np.where(np.abs(means) >= COARSE_FROM, np.rint(means), np.round(means, 3))
    unit = _unit_of(np.concatenate([lows, highs]))
    if unit > 1:
        is_large = np.abs(means) >= UNITS_IN_MEAN * unit
        coarse = np.where(is_large, np.rint(means / unit) * unit, coarse)
    return coarse


def _unit_of(values: FloatArray) -> float:
    """Return the greatest whole number that all values are multiples of; 0 when they are not whole."""
    some = values[~np.isnan(values)]
    if not len(some) or np.abs(some).max() >= EXACT_LIMIT or (some != np.rint(some)).any():
        return 0.0
    return float(np.gcd.reduce(some.astype(np.int64)))


def _joined(slices: Sequence[bytes]) -> Packed:
    return Packed(np.cumsum([len(one) for one in slices]).tolist(), b"".join(slices))


def hourly_row(points: PointBatch, start: float) -> Mapping[str, list[float]]:
    """Return the one bucket of the hour as lists by column: means, lows, highs."""
    buckets = thin(points, start, SECONDS_PER_HOUR)
    found = [(float(m[0]), float(low[0]), float(high[0])) for m, low, high in buckets.columns.values()]
    return {name: [one[i] for one in found] for i, name in enumerate(("means", "lows", "highs"))}
