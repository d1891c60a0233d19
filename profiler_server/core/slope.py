"""Slopes of many series at once, through restarts, with intervals that neighbours in time do not flatter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from profiler_server.core.profile import FloatArray, Int64Array, IntArray

SECONDS_PER_HOUR = 3600.0
CONFIDENCE = 0.95
LEAST_POINTS = 3
BLOCKS = 12
LEAST_BLOCKS = 3
MOST_CORRELATION = 0.5
RISE_SIGMAS = 2.33


@dataclass(frozen=True, slots=True)
class Slope:
    """A least-squares slope per hour with its 95 % interval; without enough points low = high = per_hour."""

    per_hour: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Means over blocks of time, each less its segment's mean: hours float64[k], values float64[n, k]."""

    hours: FloatArray
    values: FloatArray
    segments: int


def slopes_with_interval(
    ts: FloatArray, values: FloatArray | IntArray, breaks: Sequence[float] = ()
) -> list[Slope]:
    """Return the slope of each row of values[n, b] over ts[b] (unix seconds); missing points are NaN.

    At each of `breaks` (restarts, unix seconds) the line may jump, but its slope stays one: what leaks in every life
    is seen although each life begins anew. The points are first averaged in about `BLOCKS` blocks of time, which
    takes most of the dependence between neighbours away; the interval is Student's, with the number of blocks reduced
    to the effective one of a first-order autoregressive residual, n (1 − r) / (1 + r) (Santer et al. 2000, J. Geophys.
    Res. 105, eq. 6).
    """
    table = values.astype(np.float64)
    segment = segments_of(ts, breaks)
    found = np.zeros((len(table), 3))
    known = np.isfinite(table)
    whole = known.all(axis=1)
    found[whole] = _slopes(ts, table[whole], segment)
    for i in np.flatnonzero(~whole).tolist():
        found[i] = _slopes(ts[known[i]], table[i : i + 1, known[i]], segment[known[i]])[0]
    return [Slope(*row) for row in found.tolist()]


def rises(ts: FloatArray, values: FloatArray | IntArray, breaks: Sequence[float] = ()) -> bool:
    """Return whether values[b] over ts[b] (unix seconds; NaN = missing) climb, in whatever line.

    The test is Mann's and Kendall's of the blocks' ranks, within the segments between `breaks` (restarts), one-sided at
    `RISE_SIGMAS`: what doubles every hour climbs surely, and yet no straight line fits it.
    """
    known = np.isfinite(values)
    at, kept = ts[known], values[known].astype(np.float64)
    segment = segments_of(at, breaks)
    score = variance = 0.0
    for which in np.unique(segment):
        inside = kept[segment == which]
        count = min(len(inside), max(LEAST_BLOCKS, round(BLOCKS * len(inside) / len(kept))))
        means = np.array([part.mean() for part in np.array_split(inside, count)])
        score += float(np.sign(means[None, :] - means[:, None])[np.triu_indices(count, 1)].sum())
        variance += count * (count - 1) * (2 * count + 5) / 18.0
    return variance > 0 and (score - 1.0) / float(np.sqrt(variance)) > RISE_SIGMAS


def segments_of(ts: FloatArray, breaks: Sequence[float]) -> Int64Array:
    """Return int64[b]: between which breaks each time lies."""
    return np.searchsorted(np.sort(np.asarray(breaks, np.float64)), ts, side="right").astype(np.int64)


def _slopes(ts: FloatArray, table: FloatArray, segment: Int64Array) -> FloatArray:
    """Return float64[n, 3]: slope, low, high of table[n, b] without missing points."""
    blocks = _blocks(ts / SECONDS_PER_HOUR, table, segment)
    spread = float(blocks.hours @ blocks.hours)
    if spread == 0.0:
        return np.zeros((len(table), 3))
    slope = blocks.values @ blocks.hours / spread
    residuals = blocks.values - slope[:, None] * blocks.hours
    if len(blocks.hours) < LEAST_POINTS:
        return np.stack([slope, slope, slope], axis=1)
    freedom = np.maximum(_effective_points(residuals) - 1.0 - blocks.segments, 1.0)
    error = np.sqrt((residuals**2).sum(axis=1) / freedom / spread)
    margin = stats.t.ppf(0.5 + CONFIDENCE / 2, freedom) * error
    return np.stack([slope, slope - margin, slope + margin], axis=1)


def _blocks(hours: FloatArray, table: FloatArray, segment: Int64Array) -> _Blocks:
    """Average each segment over its share of the blocks, and take the segment's mean away."""
    found_hours, found_values = [np.zeros(0)], [np.zeros((len(table), 0))]
    for which in np.unique(segment):
        inside = np.flatnonzero(segment == which)
        count = min(len(inside), max(LEAST_BLOCKS, round(BLOCKS * len(inside) / len(hours))))
        if count > 1:
            starts = np.linspace(0, len(inside), count + 1).astype(np.int64)[:-1]
            sizes = np.diff(np.append(starts, len(inside)))
            block_hours = np.add.reduceat(hours[inside], starts) / sizes
            block_values = np.add.reduceat(table[:, inside], starts, axis=1) / sizes
            found_hours.append(block_hours - block_hours.mean())
            found_values.append(block_values - block_values.mean(axis=1, keepdims=True))
    return _Blocks(np.concatenate(found_hours), np.concatenate(found_values, axis=1), len(found_hours) - 1)


def _effective_points(residuals: FloatArray) -> FloatArray:
    """Return float64[n] for residuals float64[n, k]."""
    count = residuals.shape[1]
    power = (residuals**2).sum(axis=1)
    shared = (residuals[:, 1:] * residuals[:, :-1]).sum(axis=1)
    correlation = np.clip(
        np.divide(shared, power, out=np.zeros_like(power), where=power > 0), 0.0, MOST_CORRELATION
    )
    effective: FloatArray = np.maximum(count * (1 - correlation) / (1 + correlation), LEAST_POINTS)
    return effective
