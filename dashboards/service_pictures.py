"""Builds the pictures of the service page from its points: the time axis, memory against load, the instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
LOAD, LATENCY = ("requests", "errors"), ("p50_ms", "p99_ms")
TIMELINE_NAMES = ("rss_bytes", "heap_live_bytes", "cgroup_limit_bytes", *LOAD, *LATENCY)


ANCHOR_SHARE, ANCHOR_LEAST = 0.1, 8
OUTSIDE_HEAP = frozenset({"native", "outside", "unmapped", "rss", "free"})


@dataclass(frozen=True)
class LoadCurve:
    """How the memory that was judged moves with the load (requests per second to bytes), both f64[k], empty if unknown.

    `signal` names that memory as the evaluation does; the curve's level is that of the whole window it was fitted in.
    """

    signal: str
    load: FloatArray
    memory: FloatArray


def timeline(
    series: ServiceSeries,
    extra: Sequence[str],
    events: Sequence[Event],
    zone: ZoneInfo,
    *,
    keys: Mapping[int, str] | None = None,
) -> style.Picture:
    """Return the time axis: memory, load, latency, and a panel for each name in `extra`.

    `keys` are the instances' names by id, which the lines of several instances carry where one points at them.
    """
    keys = keys or {}
    grid = Grid(series.ts, series.start, series.end, zone)
    panels = [Panel("Memory", "bytes", _memory_lines(series, keys), main=True)]
    panels += [panel for panel in (_load_panel(series), _latency_panel(series)) if panel.lines]
    panels += [panel for panel in (_extra_panel(series, name, keys) for name in extra) if panel.lines]
    return timeline_figure(grid, panels, events)


def panel_count(reported: Iterable[str], extra: Sequence[str]) -> int:
    """Return how many panels the time axis of a service has that reports these columns."""
    names = set(reported)
    return 1 + bool(names & set(LOAD)) + bool(names & set(LATENCY)) + len(names & set(extra))


def _memory_lines(series: ServiceSeries, keys: Mapping[int, str]) -> list[Line]:
    lines: list[Line] = []
    for name, title, colour in MEMORY:
        lines.extend(_lines_of(series, name, Look(title, colour), keys))
    if series.limit_bytes and lines:
        lines.append(
            Line("limit", np.full(len(series.ts), series.limit_bytes), "var(--c-limit)", dash="dash")
        )
    return lines


@dataclass(frozen=True)
class Look:
    """What a column is called and how it is drawn."""

    title: str
    colour: str


def _lines_of(series: ServiceSeries, name: str, look: Look, keys: Mapping[int, str]) -> list[Line]:
    """Return a line per instance while they are few, else their median with a band from lowest to highest."""
    matrix = series.columns.get(name)
    if matrix is None or not np.isfinite(matrix).any():
        return []
    known = np.flatnonzero(np.isfinite(matrix).any(axis=1))
    if len(known) <= MAX_LINES:
        named = keys if len(known) > 1 else {}
        return [
            Line(look.title, matrix[at], look.colour, label=named.get(series.instance_ids[at], ""))
            for at in known
        ]
    spread = series.over_instances(name)
    if spread is None:
        return []
    name = f"{look.title}, median and range of {len(known)}"
    return [Line(name, spread.mid, look.colour, low=spread.low, high=spread.high)]


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


def _extra_panel(series: ServiceSeries, name: str, keys: Mapping[int, str]) -> Panel:
    return Panel(name, style.unit_of(name), _lines_of(series, name, Look(name, "var(--c3)"), keys))


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
    """Return the scatter, or None when load or memory is not measured.

    It shows the memory that was judged: the live heap where that is what grows or is steady, RSS where the growth is
    outside of it. The curve is laid through the beginning of the range, so that a leak climbs off it.
    """
    load, (title, memory) = per_instance_load(series), _judged_memory(series, curve.signal if curve else "")
    if load is None or memory is None or not (np.isfinite(load) & np.isfinite(memory)).any():
        return None
    fitted = anchored(curve, load, memory) if curve is not None and len(curve.load) else None
    words = moment_words(series.ts, zone)
    return load_figure(load, memory, series.ts, curve=fitted, words=words, title=title)


def anchored(curve: LoadCurve, load: FloatArray, memory: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the curve (load, bytes) at the level of the first tenth of the moments, at which both are known."""
    known = np.flatnonzero(np.isfinite(load) & np.isfinite(memory))
    first = known[: max(ANCHOR_LEAST, round(len(known) * ANCHOR_SHARE))]
    expected = np.interp(load[first], curve.load, curve.memory)
    return curve.load, curve.memory + float(np.median(memory[first] - expected))


def per_instance_load(series: ServiceSeries) -> FloatArray | None:
    """Return the mean load of one instance in requests per second, f64[bins]."""
    spread = series.over_instances("requests")
    return None if spread is None else spread.mid


def _judged_memory(series: ServiceSeries, signal: str) -> tuple[str, FloatArray | None]:
    """Return the title and the typical instance's f64[bins] of the memory that `signal` is a part of."""
    names = MEMORY if signal in OUTSIDE_HEAP else MEMORY[::-1]
    for name, title, _ in names:
        spread = series.over_instances(name)
        if spread is not None and np.isfinite(spread.mid).any():
            return title[:1].upper() + title[1:], spread.mid
    return "", None


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
    """Return the memory of each instance, all on the same vertical scale, the largest first."""
    matrix = series.columns.get("rss_bytes")
    if matrix is None:
        matrix = series.columns.get("heap_live_bytes")
    if matrix is None:
        return []
    top = style.largest(matrix.ravel()) * style.HEADROOM or 1.0
    lines = [_instance_line(series, index, matrix[index] / top, top) for index in range(len(matrix))]
    known = [line for line in lines if line.path]
    return sorted(known, key=lambda line: -(line.highest_bytes or 0.0))


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
    """Return what the last evaluation judged and the load curve that it fitted, None before the first."""
    if not evidence:
        return None
    load = evidence.get("load")
    fitted = load if isinstance(load, Mapping) else {}
    return LoadCurve(
        str(evidence.get("signal") or ""),
        np.asarray(fitted.get("load_per_second") or (), np.float64),
        np.asarray(fitted.get("floor_bytes") or (), np.float64),
    )
