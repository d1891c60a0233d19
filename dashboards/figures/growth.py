"""Call sites over time: the steepest as a stacked area, and each as a small picture of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.zones import wall_clock, wall_clock_ms
from profiler_server.core.profile import FloatArray, Int64Array

HEIGHT = 300
AREA_SITES = len(style.SERIES_COLOURS)
SPARK_WIDTH, SPARK_HEIGHT = 240.0, 56.0
SPARK_PADDING = 3.0


@dataclass(frozen=True, slots=True)
class Spark:
    """SVG paths in a box of SPARK_WIDTH × SPARK_HEIGHT: the values, and the fitted line."""

    line: str
    trend: str


def growth_figure(
    ts: FloatArray, rows: Sequence[tuple[str, FloatArray]], *, unit: str, zone: ZoneInfo
) -> go.Figure:
    """Return the stacked area of `rows` (name, values f64[b]) over `ts` f64[b]; the first row lies at the bottom.

    Only the first `AREA_SITES` rows are drawn, one colour each; missing values count as nothing.
    """
    shown = rows[:AREA_SITES]
    total = np.sum([np.nan_to_num(values) for _, values in shown], axis=0) if shown else np.zeros(0)
    scale = style.scale_of(unit, style.largest(total))
    at = wall_clock_ms(ts, zone)
    traces = [
        go.Scatter(
            x=wall_clock(ts, zone),
            y=scale.apply(np.nan_to_num(values)),
            name=name,
            mode="lines",
            stackgroup="sites",
            line={"width": 1, "color": colour},
            hovertemplate=f"%{{y:,.{scale.decimals}f}}{scale.suffix}",
        )
        for (name, values), colour in zip(shown, style.SERIES_COLOURS, strict=False)
    ]
    figure = style.layout(HEIGHT, margin={"l": 64, "r": 12, "t": 8, "b": 40})
    figure["yaxis"] = style.value_axis(scale)
    if len(at):
        figure["xaxis"] = style.time_axis(float(at[0]), float(at[-1]), fixedrange=True)
    return go.Figure(traces, figure)


def spark(ts: FloatArray, values: FloatArray, segment: Int64Array | None = None) -> Spark:
    """Return one site's small picture; its vertical axis begins at nought.

    `segment` int64[b] numbers the lives between restarts: the fitted line jumps there, its slope is one.
    """
    known = np.isfinite(values)
    if int(known.sum()) < 2 or float(ts[-1]) == float(ts[0]):
        return Spark("", "")
    x = ((ts - ts[0]) / (ts[-1] - ts[0]) * SPARK_WIDTH)[known]
    y = values[known]
    lives = np.zeros(len(x), np.int64) if segment is None else segment[known]
    top = float(y.max()) or 1.0
    trend = "".join(_path(ends, np.clip(fitted, 0.0, top), top) for ends, fitted in _trend(x, y, lives))
    return Spark(_path(x, y, top), trend)


def _trend(x: FloatArray, y: FloatArray, lives: Int64Array) -> list[tuple[FloatArray, FloatArray]]:
    """Return for each life the two ends of its line, all lines with the one slope that fits best."""
    parts = [(x[lives == life], y[lives == life]) for life in np.unique(lives)]
    centred = [(a - a.mean(), b - b.mean()) for a, b in parts]
    spread = sum(float(a @ a) for a, _ in centred)
    slope = sum(float(a @ b) for a, b in centred) / spread if spread else 0.0
    ends = [np.array([a[0], a[-1]]) for a, _ in parts]
    return [(end, b.mean() + slope * (end - a.mean())) for end, (a, b) in zip(ends, parts, strict=True)]


def _path(x: FloatArray, values: FloatArray, top: float) -> str:
    height = SPARK_HEIGHT - 2 * SPARK_PADDING
    y = SPARK_HEIGHT - SPARK_PADDING - np.clip(values / top, 0.0, 1.0) * height
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
