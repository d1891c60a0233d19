"""What a finding's picture shows: the memory of the instance that grows, its load, and the line of its growth."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from profiler_server.alerts.chart import ChartData
from profiler_server.alerts.words import counts_bytes, signal_of
from profiler_server.analysis.models import Family, Finding
from profiler_server.analysis.wording import signal_name
from profiler_server.core.profile import FloatArray
from profiler_server.series.queries import Series, read_series

MAX_POINTS = 600
LEAD_SHARE = 0.35
LONGEST_LEAD = timedelta(days=7)
SHORTEST_LEAD = timedelta(hours=1)
SECONDS_PER_HOUR = 3600.0


def chart_data(found: Finding) -> ChartData:
    """Read what the picture needs; at most `MAX_POINTS` points a series."""
    end = max(found.updated_at, found.resolved_at or found.updated_at, found.detected_at)
    lead = min((end - found.started_at) * LEAD_SHARE, LONGEST_LEAD) or SHORTEST_LEAD
    signal = signal_of(found)
    names = [signal, "rss_bytes", "requests"]
    series = read_series(
        found.project_id, found.service_id, found.started_at - lead, end, names=names, max_points=MAX_POINTS
    )
    memory_name = "rss_bytes" if counts_bytes(found) and _has(series, "rss_bytes") else signal
    ts, memory = _largest(series, memory_name)
    floor_ts, floor = _floor(found)
    return ChartData(
        ts=ts,
        memory=memory,
        load=_load(series, ts),
        floor_ts=floor_ts,
        floor=floor,
        growth=_growth(found, floor_ts, floor),
        limit=float(found.limit_bytes) if found.limit_bytes else None,
        in_bytes=counts_bytes(found),
        memory_name="memory (RSS)" if memory_name == "rss_bytes" else signal_name(memory_name),
        floor_name="in use" if found.family == Family.RETENTION else "floor and growth",
    )


def _has(series: list[Series], name: str) -> bool:
    return any(one.name == name for one in series)


def _largest(series: list[Series], name: str) -> tuple[FloatArray, FloatArray]:
    """Return the highest value over the instances at each time: restarts join into one line."""
    chosen = [one for one in series if one.name == name and len(one.ts)]
    if not chosen:
        return np.zeros(0), np.zeros(0)
    ts = np.concatenate([one.ts for one in chosen])
    values = np.concatenate([one.values for one in chosen])
    return _binned(ts, values, np.fmax)


def _load(series: list[Series], ts: FloatArray) -> FloatArray:
    """Return requests per interval of all instances together, on the times of the memory."""
    chosen = [one for one in series if one.name == "requests" and len(one.ts) > 1]
    if not chosen or not len(ts):
        return np.full(len(ts), np.nan)
    total = np.zeros(len(ts))
    for one in chosen:
        total += np.nan_to_num(np.interp(ts, one.ts, one.values, left=0.0, right=0.0))
    return total


def _floor(found: Finding) -> tuple[FloatArray, FloatArray]:
    """Return the floor of the instance whose floor ends highest, when the picture shows the same quantity."""
    lines = (found.evidence or {}).get("floor") or []
    usable = [line for line in lines if len(line.get("ts", [])) >= 2]
    if not usable:
        return np.zeros(0), np.zeros(0)
    best = max(usable, key=lambda line: (line["ts"][-1], line["value"][-1] or 0.0))
    return np.array(best["ts"], dtype=float), np.array(best["value"], dtype=float)


def _growth(found: Finding, ts: FloatArray, floor: FloatArray) -> tuple[tuple[float, float], ...]:
    """Return the line with the finding's slope through the middle of the floor since the growth began."""
    since = ts >= found.started_at.timestamp()
    if since.sum() < 2 or found.growth_bytes_per_hour is None:
        return ()
    ts, floor = ts[since], floor[since]
    slope = found.growth_bytes_per_hour / SECONDS_PER_HOUR
    middle = float(np.nanmedian(floor - slope * (ts - ts[0])))
    return tuple((float(at), middle + slope * float(at - ts[0])) for at in (ts[0], ts[-1]))


def _binned(ts: FloatArray, values: FloatArray, take: np.ufunc) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(ts, kind="stable")
    ts, values = ts[order], values[order]
    if len(ts) <= MAX_POINTS:
        return ts, values
    edges = np.linspace(ts[0], ts[-1], MAX_POINTS + 1)
    bins = np.clip(np.searchsorted(edges, ts, side="right") - 1, 0, MAX_POINTS - 1)
    starts = np.flatnonzero(np.append(True, np.diff(bins) > 0))
    return ts[starts], take.reduceat(values, starts)
