"""Builds the pictures of the service page from its points: the time axis, memory against load, the instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from dashboards.figures import style
from dashboards.figures.changes import change_points
from dashboards.figures.load import load_figure
from dashboards.figures.timeline import Event, Grid, Line, Panel, timeline_figure
from dashboards.service_series import ServiceSeries
from dashboards.zones import wall_clock
from profiler_server.core import units
from profiler_server.core.profile import FloatArray

MAX_LINES = 8
MEMORY = (("rss_bytes", "RSS", "var(--c-rss)"), ("heap_live_bytes", "live heap", "var(--c-heap)"))
TIMELINE_NAMES = (
    "rss_bytes",
    "heap_live_bytes",
    "cgroup_limit_bytes",
    "requests",
    "errors",
    "p50_ms",
    "p99_ms",
)


@dataclass(frozen=True)
class LoadCurve:
    """The floor of memory (bytes) expected at a load (requests per second), both f64[k]."""

    load: FloatArray
    memory: FloatArray


def timeline(
    series: ServiceSeries, extra: Sequence[str], events: Sequence[Event], zone: ZoneInfo
) -> style.Picture:
    """Return the time axis: memory, load, latency, and a panel for each name in `extra`."""
    grid = Grid(series.ts, series.start, series.end, zone)
    panels = [Panel("Memory", "bytes", _memory_lines(series), main=True)]
    panels += [panel for panel in (_load_panel(series), _latency_panel(series)) if panel.lines]
    panels += [panel for panel in (_extra_panel(series, name) for name in extra) if panel.lines]
    return timeline_figure(grid, panels, events)


def _memory_lines(series: ServiceSeries) -> list[Line]:
    lines: list[Line] = []
    for name, title, colour in MEMORY:
        lines.extend(_lines_of(series, name, title, colour))
    if series.limit_bytes and lines:
        lines.append(
            Line("limit", np.full(len(series.ts), series.limit_bytes), "var(--c-limit)", dash="dash")
        )
    return lines


def _lines_of(series: ServiceSeries, name: str, title: str, colour: str) -> list[Line]:
    """Return a line per instance while they are few, else their median with a band from lowest to highest."""
    matrix = series.columns.get(name)
    if matrix is None or not np.isfinite(matrix).any():
        return []
    known = matrix[np.isfinite(matrix).any(axis=1)]
    if len(known) <= MAX_LINES:
        return [Line(title, row, colour) for row in known]
    spread = series.over_instances(name)
    if spread is None:
        return []
    return [
        Line(
            f"{title}, median and range of {len(known)}", spread.mid, colour, low=spread.low, high=spread.high
        )
    ]


def _load_panel(series: ServiceSeries) -> Panel:
    lines = []
    for name, title, colour in (
        ("requests", "requests", "var(--c-load)"),
        ("errors", "errors", "var(--danger)"),
    ):
        values = series.total(name)
        if values is not None and np.nanmax(values, initial=0.0) > 0:
            lines.append(Line(title, values, colour))
    return Panel("Load", "per_second", lines)


def _latency_panel(series: ServiceSeries) -> Panel:
    lines = []
    for name, title, colour in (("p99_ms", "p99", "var(--c-latency)"), ("p50_ms", "p50", "var(--muted)")):
        spread = series.over_instances(name)
        if spread is not None and np.isfinite(spread.mid).any():
            lines.append(Line(title, spread.high if name == "p99_ms" else spread.mid, colour))
    return Panel("Latency", "ms", lines)


def _extra_panel(series: ServiceSeries, name: str) -> Panel:
    return Panel(name, style.unit_of(name), _lines_of(series, name, name, "var(--c3)"))


def changes(series: ServiceSeries, names: Sequence[str]) -> list[Event]:
    """Return the moments at which the level of one of the named series changes, in the middle over the instances."""
    found: list[Event] = []
    for name in names:
        spread = series.over_instances(name)
        indices = change_points(spread.mid) if spread is not None else []
        found += [Event(float(series.ts[index]), "change", f"{name} changes its level") for index in indices]
    return found


def memory_against_load(
    series: ServiceSeries, curve: LoadCurve | None, zone: ZoneInfo
) -> style.Picture | None:
    """Return the scatter, or None when load or memory is not measured."""
    load, memory = per_instance_load(series), _typical_memory(series)
    if load is None or memory is None or not (np.isfinite(load) & np.isfinite(memory)).any():
        return None
    words = moment_words(series.ts, zone)
    fitted = (curve.load, curve.memory) if curve is not None else None
    return load_figure(load, memory, series.ts, curve=fitted, words=words)


def per_instance_load(series: ServiceSeries) -> FloatArray | None:
    """Return the mean load of one instance in requests per second, f64[bins]."""
    spread = series.over_instances("requests")
    return None if spread is None else spread.mid


def _typical_memory(series: ServiceSeries) -> FloatArray | None:
    for name in ("heap_live_bytes", "rss_bytes"):
        spread = series.over_instances(name)
        if spread is not None and np.isfinite(spread.mid).any():
            return spread.mid
    return None


def moment_words(ts: FloatArray, zone: ZoneInfo) -> list[str]:
    """Return moments as the reader's wall clock writes them, such as "3 May 14:05"."""
    stamps = wall_clock(ts, zone)
    return [stamp.astype(object).strftime("%-d %b %H:%M") for stamp in stamps]


INSTANCE_WIDTH, INSTANCE_HEIGHT, MAX_CARDS = 240.0, 48.0, 60


@dataclass(frozen=True)
class InstanceLine:
    """One instance's memory as an SVG path in a box of `INSTANCE_WIDTH` × `INSTANCE_HEIGHT`, and its numbers."""

    instance_id: int
    path: str
    last_bytes: float | None
    highest_bytes: float | None


def instance_lines(series: ServiceSeries) -> list[InstanceLine]:
    """Return the memory of each instance, all on the same vertical scale; at most `MAX_CARDS`, the largest first."""
    matrix = series.columns.get("rss_bytes")
    if matrix is None:
        matrix = series.columns.get("heap_live_bytes")
    if matrix is None:
        return []
    top = style.largest(matrix.ravel()) * style.HEADROOM or 1.0
    lines = [_instance_line(series, index, matrix[index] / top, top) for index in range(len(matrix))]
    known = [line for line in lines if line.path]
    return sorted(known, key=lambda line: -(line.highest_bytes or 0.0))[:MAX_CARDS]


def _instance_line(series: ServiceSeries, index: int, shares: FloatArray, top: float) -> InstanceLine:
    if not np.isfinite(shares).any():
        return InstanceLine(series.instance_ids[index], "", None, None)
    last, highest = float(shares[np.isfinite(shares)][-1] * top), float(np.nanmax(shares) * top)
    shares = np.fmax.reduceat(shares, np.arange(0, len(shares), -(-len(shares) // int(INSTANCE_WIDTH))))
    known = np.flatnonzero(np.isfinite(shares))
    step = INSTANCE_WIDTH / len(shares)
    x = np.round((known + 0.5) * step, 1)
    y = np.round(INSTANCE_HEIGHT - 1 - shares[known] * (INSTANCE_HEIGHT - 2), 1)
    breaks = np.append(True, np.diff(known) > 1)
    path = "".join(f"{'M' if new else 'L'}{a:g} {b:g}" for a, b, new in zip(x, y, breaks, strict=True))
    return InstanceLine(series.instance_ids[index], path, last, highest)


def table_rows(
    series: ServiceSeries, names: Sequence[str], *, most: int = 120
) -> tuple[list[str], list[tuple[float, list[str]]]]:
    """Return the time axis as a table: the columns' titles, and rows of a moment with the texts of its values."""
    columns: dict[str, tuple[str, FloatArray]] = {}
    for name in names:
        unit = "per_second" if name in {"requests", "errors"} else style.unit_of(name)
        values = _table_values(series, name)
        if values is not None:
            columns[name] = (unit, values)
    step = max(1, -(-len(series.ts) // most))
    picked = range(0, len(series.ts), step)
    rows = [
        (float(series.ts[i]), [_text(values[i], unit) for unit, values in columns.values()]) for i in picked
    ]
    shown = [row for row in rows if any(text != units.NOTHING for text in row[1])]
    return list(columns), shown


def _table_values(series: ServiceSeries, name: str) -> FloatArray | None:
    if name in {"requests", "errors"}:
        return series.total(name)
    spread = series.over_instances(name)
    return None if spread is None else spread.mid


def _text(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return units.NOTHING
    if unit == "bytes":
        return units.format_bytes(value)
    suffix = {"ms": " ms", "per_second": "/s", "seconds": " s"}.get(unit, "")
    return f"{value:,.1f}{suffix}"


def curve_from(evidence: Mapping[str, object] | None) -> LoadCurve | None:
    """Return the load curve that the last evaluation fitted, if it fitted one."""
    load = (evidence or {}).get("load")
    if not isinstance(load, Mapping) or not load.get("load_per_second"):
        return None
    return LoadCurve(
        np.asarray(load["load_per_second"], np.float64), np.asarray(load["floor_bytes"], np.float64)
    )
