"""A series as the rest of the product sees it: one column of one instance over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler_server.core.profile import FloatArray


@dataclass(frozen=True, eq=False)
class Series:
    """`ts` float64[n] unix seconds, rising; `values` float64[n], NaN = a gap.

    Where several points became one, `values` are means and `lows`, `highs` float64[n] keep the extremes; else None.
    """

    instance_id: int
    name: str
    ts: FloatArray
    values: FloatArray
    lows: FloatArray | None = None
    highs: FloatArray | None = None


def downsample(series: Series, start: float, end: float, max_points: int) -> Series:
    """Return at most `max_points` points: equal buckets of [start, end), each with mean, low and high."""
    some = ~np.isnan(series.values)
    if int(some.sum()) <= max_points:
        return _select(series, some)
    ts, values = series.ts[some], series.values[some]
    lows = values if series.lows is None else series.lows[some]
    highs = values if series.highs is None else series.highs[some]
    bucket = np.clip((ts - start) * (max_points / (end - start)), 0, max_points - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    counts = np.diff(np.append(starts, len(bucket)))
    return Series(
        series.instance_id,
        series.name,
        np.add.reduceat(ts, starts) / counts,
        np.add.reduceat(values, starts) / counts,
        np.minimum.reduceat(lows, starts),
        np.maximum.reduceat(highs, starts),
    )


def _select(series: Series, some: np.ndarray) -> Series:
    def chosen(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else values[some]

    return Series(
        series.instance_id,
        series.name,
        series.ts[some],
        series.values[some],
        chosen(series.lows),
        chosen(series.highs),
    )
