"""Slopes of many series at once, with intervals that neighbours in time do not flatter."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from profiler_server.core.profile import FloatArray, IntArray

SECONDS_PER_HOUR = 3600.0
CONFIDENCE = 0.95
LEAST_POINTS = 3
BLOCKS = 12
MOST_CORRELATION = 0.5


@dataclass(frozen=True, slots=True)
class Slope:
    """A least-squares slope per hour with its 95 % interval; without enough points low = high = per_hour."""

    per_hour: float
    low: float
    high: float


def slopes_with_interval(ts: FloatArray, values: FloatArray | IntArray) -> list[Slope]:
    """Return the slope of each row of values[n, b] over ts[b] (unix seconds); missing points are NaN.

    The points are first averaged in at most `BLOCKS` blocks of time, which takes most of the dependence between
    neighbours away; the interval is Student's, with the number of blocks reduced to the effective one of a
    first-order autoregressive residual, n (1 − r) / (1 + r) (Santer et al. 2000, J. Geophys. Res. 105, eq. 6).
    """
    return [_slope(ts, row.astype(np.float64)) for row in values]


def _slope(ts: FloatArray, row: FloatArray) -> Slope:
    known = np.isfinite(row)
    hours, row = _blocks(ts[known] / SECONDS_PER_HOUR, row[known])
    if len(row) < 2 or float(np.ptp(hours)) == 0.0:
        return Slope(0.0, 0.0, 0.0)
    centred = hours - hours.mean()
    spread = float(centred @ centred)
    slope = float(centred @ row) / spread
    if len(row) < LEAST_POINTS:
        return Slope(slope, slope, slope)
    residuals = row - row.mean() - slope * centred
    effective = _effective_points(residuals)
    freedom = max(effective - 2.0, 1.0)
    error = np.sqrt(float(residuals @ residuals) / freedom / spread)
    margin = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom) * error)
    return Slope(slope, slope - margin, slope + margin)


def _blocks(hours: FloatArray, row: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both averaged over at most `BLOCKS` blocks of nearly equally many points."""
    if len(row) <= BLOCKS:
        return hours, row
    starts = np.linspace(0, len(row), BLOCKS + 1).astype(np.int64)[:-1]
    sizes = np.diff(np.append(starts, len(row)))
    return np.add.reduceat(hours, starts) / sizes, np.add.reduceat(row, starts) / sizes


def _effective_points(residuals: FloatArray) -> float:
    power = float(residuals @ residuals)
    if power == 0.0:
        return float(len(residuals))
    correlation = float(residuals[1:] @ residuals[:-1]) / power
    correlation = min(max(correlation, 0.0), MOST_CORRELATION)
    return max(len(residuals) * (1 - correlation) / (1 + correlation), LEAST_POINTS)
