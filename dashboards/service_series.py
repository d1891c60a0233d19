"""Brings a service's points onto one even grid of time, so that pictures can add and compare instances."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from profiler_server.catalog.models import Service
from profiler_server.core.profile import FloatArray
from profiler_server.series.queries import Series, read_series, read_stored

SHORTEST_BIN_SECONDS = 1.0
MAX_FILLED_BINS = 2
INTERVAL_SAMPLE_SECONDS = 3600.0
COUNTED = frozenset({"requests", "errors"})
IntVector = NDArray[np.int64]


@dataclass(frozen=True)
class Spread:
    """How a column lies over the instances: lowest, median and highest, each f64[bins], NaN where nobody reported."""

    low: FloatArray
    mid: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class ServiceSeries:
    """Columns on a grid: `ts` f64[bins] are the bins' centres in unix seconds, each matrix is f64[instances, bins]."""

    start: float
    end: float
    ts: FloatArray
    instance_ids: tuple[int, ...]
    columns: Mapping[str, FloatArray]
    limit_bytes: float | None

    @property
    def bin_seconds(self) -> float:
        """Return the width of a bin."""
        return (self.end - self.start) / max(len(self.ts), 1)

    def over_instances(self, name: str) -> Spread | None:
        """Return the spread of a column over the instances, or None when nobody reports it."""
        matrix = self.columns.get(name)
        if matrix is None or not len(matrix):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a bin in which nobody reported stays NaN
            return Spread(np.nanmin(matrix, axis=0), np.nanmedian(matrix, axis=0), np.nanmax(matrix, axis=0))

    def total(self, name: str) -> FloatArray | None:
        """Return a column summed over the instances, f64[bins], NaN where nobody reported."""
        matrix = self.columns.get(name)
        if matrix is None or not len(matrix):
            return None
        known = np.isfinite(matrix).any(axis=0)
        total: FloatArray = np.where(known, np.nansum(matrix, axis=0), np.nan)
        return total

    def load(self) -> FloatArray | None:
        """Return the requests per second of all instances together, f64[bins]."""
        return self.total("requests")

    def row(self, name: str, instance_id: int) -> FloatArray | None:
        """Return one instance's column, f64[bins], or None."""
        matrix = self.columns.get(name)
        if matrix is None or instance_id not in self.instance_ids:
            return None
        row: FloatArray = matrix[self.instance_ids.index(instance_id)]
        return row


def read_service_series(
    service: Service,
    start: float,
    end: float,
    *,
    names: Sequence[str],
    bins: int,
    instance_ids: Sequence[int] | None = None,
) -> ServiceSeries:
    """Return the named columns between `start` and `end` (unix seconds) on a grid of at most `bins` bins."""
    found = stored_series(service, start, end, names=names, bins=bins, instance_ids=instance_ids)
    return service_series(service, found, start, end, bins=bins)


def stored_series(
    service: Service,
    start: float,
    end: float,
    *,
    names: Sequence[str],
    bins: int,
    instance_ids: Sequence[int] | None = None,
) -> list[Series]:
    """Return the points that `service_series` can put on a grid of `bins` bins or fewer."""
    span = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    return read_stored(
        service.project_id, service.pk, *span, names=list(names), instance_ids=instance_ids, max_points=bins
    )


def service_series(
    service: Service, found: Sequence[Series], start: float, end: float, *, bins: int
) -> ServiceSeries:
    """Return points that were read on a grid of at most `bins` bins between `start` and `end` (unix seconds)."""
    interval = interval_seconds(service, found)
    return on_grid(found, start, end, bins=bins, interval=interval, limit_bytes=service.memory_limit_bytes)


def interval_seconds(service: Service, found: Sequence[Series]) -> float:
    """Return how far apart the instances' points are as they were sent, read from the last ones of the range."""
    counted = [series for series in found if series.name in COUNTED and len(series.ts)]
    if not counted:
        return 0.0
    latest = max(counted, key=lambda series: float(series.ts[-1]))
    if latest.lows is None:
        return _usual_gap(latest.ts)
    end = float(latest.ts[-1])
    span = datetime.fromtimestamp(end - INTERVAL_SAMPLE_SECONDS, UTC), datetime.fromtimestamp(end + 1.0, UTC)
    raw = read_series(
        service.project_id, service.pk, *span, names=[latest.name], instance_ids=[latest.instance_id]
    )
    return _usual_gap(raw[0].ts) if raw else _usual_gap(latest.ts)


def on_grid(
    found: Sequence[Series],
    start: float,
    end: float,
    *,
    bins: int,
    interval: float = 0.0,
    limit_bytes: float | None = None,
) -> ServiceSeries:
    """Average series into even bins no narrower than the points are apart.

    `requests` and `errors` count what happened since the point before; they become rates per second by `interval`.
    """
    bins = max(1, min(bins, int((end - start) / max(_spacing(found), SHORTEST_BIN_SECONDS))))
    width = (end - start) / bins
    ids = tuple(sorted({series.instance_id for series in found}))
    place = {instance_id: index for index, instance_id in enumerate(ids)}
    columns: dict[str, FloatArray] = {}
    for series in found:
        matrix = columns.setdefault(series.name, np.full((len(ids), bins), np.nan))
        values = (
            series.values / (interval or _usual_gap(series.ts) or 1.0)
            if series.name in COUNTED
            else series.values
        )
        matrix[place[series.instance_id]] = _binned(series.ts, values, start, width, bins)
    limit = columns.get("cgroup_limit_bytes")
    if limit is not None and np.isfinite(limit).any():
        limit_bytes = float(np.nanmax(limit))
    ts: FloatArray = start + (np.arange(bins, dtype=np.float64) + 0.5) * width
    return ServiceSeries(start, end, ts, ids, columns, limit_bytes)


def _usual_gap(ts: FloatArray) -> float:
    return float(np.median(np.diff(ts))) if len(ts) > 1 else 0.0


def _spacing(found: Sequence[Series]) -> float:
    """Return the usual time between points in seconds."""
    return max((_usual_gap(series.ts) for series in found if len(series.ts) > 2), default=0.0)


def _binned(ts: FloatArray, values: FloatArray, start: float, width: float, bins: int) -> FloatArray:
    """Return the mean of the finite values in each bin, f64[bins], with gaps of up to two bins bridged."""
    place = np.floor((ts - start) / width).astype(np.int64)
    kept = (place >= 0) & (place < bins) & np.isfinite(values)
    sums = np.bincount(place[kept], values[kept], minlength=bins)
    numbers = np.bincount(place[kept], minlength=bins)
    means = np.full(bins, np.nan)
    np.divide(sums, numbers, out=means, where=numbers > 0)
    return _bridged(means)


def _bridged(values: FloatArray) -> FloatArray:
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return values
    filled = np.interp(np.arange(len(values)), known, values[known])
    before = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    inside = (before >= 0) & (before < len(known) - 1)
    gap = np.full(len(values), np.inf)
    gap[inside] = (known[before[inside] + 1] - known[before[inside]]).astype(np.float64)
    return np.where(np.isfinite(values) | ~(gap <= MAX_FILLED_BINS + 1), values, filled)
