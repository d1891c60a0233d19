"""The memory waterfall over time: what the resident memory is made of, layer upon layer, up to the limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboards.figures import style
from dashboards.figures.timeline import Grid
from profiler_server.core.profile import FloatArray
from profiler_server.core.waterfall import Layer, Waterfall

HEIGHT = 260
SMALLEST_SHARE = 0.002
LIMIT_IN_SIGHT = 3.0


def waterfall_figure(
    grid: Grid, waterfall: Waterfall, *, limit: float | None, words: Sequence[str]
) -> style.Picture | None:
    """Return the layers as stacked areas, RSS as a line, and the `limit` (bytes) when it is in sight; None without RSS.

    `words` says for each moment when it was. The layout's `meta` tells the page how to read a moment off the traces.
    """
    top = style.largest(waterfall.rss_bytes)
    if top <= 0:
        return None
    shown_limit = limit if limit is not None and limit < top * LIMIT_IN_SIGHT else None
    scale = style.scale_of("bytes", max(top, shown_limit or 0.0))
    layers = shown_layers(waterfall)
    x = grid.x()
    traces: list[Any] = [_area(layer, x, scale) for layer in layers]
    traces.append(_line("RSS", waterfall.rss_bytes, x, scale, look=(style.TEXT, "solid")))
    if shown_limit is not None:
        flat = np.full(len(waterfall.rss_bytes), shown_limit)
        traces.append(_line("limit", flat, x, scale, look=("var(--c-limit)", "dash")))
    own = style.layout(HEIGHT, hovermode="x")
    own["margin"] = {"l": 70, "r": 12, "t": 8, "b": 36}
    own["xaxis"] = style.time_axis(
        grid.wall_ms(grid.start), grid.wall_ms(grid.end), fixedrange=True, showspikes=True, spikemode="across",
        spikethickness=1, spikedash="solid", spikecolor=style.LINE,
    )  # fmt: skip
    own["yaxis"] = style.value_axis(scale)
    own["dragmode"] = False
    own["meta"] = {
        "layers": [
            {"title": one.title, "explanation": one.explanation, "colour": colour_of(one)} for one in layers
        ],
        "total": len(layers),
        "divisor": scale.divisor,
        "moments": list(words),
    }
    return style.Picture(traces, own)


def shown_layers(waterfall: Waterfall) -> list[Layer]:
    """Return the layers that are large enough to be seen at some moment, from the bottom up."""
    least = style.largest(waterfall.rss_bytes) * SMALLEST_SHARE
    return [layer for layer in waterfall.layers if style.largest(layer.size_bytes) > least]


def colour_of(layer: Layer) -> str:
    """Return the colour of a layer, a variable of the style sheet."""
    return f"var(--layer-{layer.name.replace('_', '-')})"


def _area(layer: Layer, x: dict[str, Any], scale: style.Scale) -> dict[str, Any]:
    return style.scatter(
        **x,
        y=scale.apply(layer.size_bytes),
        name=layer.title,
        mode="lines",
        stackgroup="memory",
        line={"width": 0.5, "color": colour_of(layer)},
        fillcolor=colour_of(layer),
        hoverinfo="none",
    )


def _line(
    name: str, values: FloatArray, x: dict[str, Any], scale: style.Scale, *, look: tuple[str, str]
) -> dict[str, Any]:
    colour, dash = look
    line = {"width": 1.6, "color": colour, "dash": dash}
    return style.scatter(**x, y=scale.apply(values), name=name, mode="lines", line=line, hoverinfo="none")
