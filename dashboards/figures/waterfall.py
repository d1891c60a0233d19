"""The memory waterfall over time: what the resident memory is made of, layer upon layer, up to the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.figures.timeline import Grid
from profiler_server.core.profile import FloatArray

HEIGHT = 260


@dataclass(frozen=True)
class LayerArea:
    """One layer: its bytes on the grid, f64[n], and its colour."""

    name: str
    values: FloatArray
    colour: str


def waterfall_figure(
    grid: Grid, layers: Sequence[LayerArea], *, total: FloatArray, limit: FloatArray | None
) -> go.Figure:
    """Return the stacked areas, the resident memory (`total`, f64[n] bytes) as a line, and the `limit` as another."""
    tops = [total] if limit is None else [total, limit]
    scale = style.scale_of("bytes", style.largest(*tops))
    x = grid.x()
    traces: list[Any] = [_area(layer, x, scale) for layer in layers]
    traces.append(_line("RSS", total, x, scale, colour=style.TEXT, dash="solid"))
    if limit is not None:
        traces.append(_line("limit", limit, x, scale, colour="var(--c-limit)", dash="dash"))
    own = style.layout(HEIGHT)
    own["margin"] = {"l": 70, "r": 12, "t": 8, "b": 36}
    own["xaxis"] = style.time_axis(grid.wall(grid.start), grid.wall(grid.end))
    own["yaxis"] = style.value_axis(scale)
    return go.Figure(traces, own)


def _area(layer: LayerArea, x: dict[str, Any], scale: style.Scale) -> go.Scatter:
    return go.Scatter(
        **x,
        y=scale.apply(layer.values),
        name=layer.name,
        mode="lines",
        stackgroup="memory",
        line={"width": 0, "color": layer.colour},
        fillcolor=layer.colour,
        hovertemplate=f"%{{y:,.{scale.decimals}f}}{scale.suffix}",
    )


def _line(
    name: str, values: FloatArray, x: dict[str, Any], scale: style.Scale, *, colour: str, dash: str
) -> go.Scatter:
    return go.Scatter(
        **x,
        y=scale.apply(values),
        name=name,
        mode="lines",
        line={"width": 1.6, "color": colour, "dash": dash},
        hovertemplate=f"%{{y:,.{scale.decimals}f}}{scale.suffix}",
    )
