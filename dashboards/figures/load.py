"""Memory against load, coloured by time: what follows its load stays on the curve, a leak climbs off it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboards.figures import style
from profiler_server.core.profile import FloatArray

HEIGHT = 480
TIME_SCALE = [[0.0, "var(--t0)"], [0.4, "var(--t1)"], [0.7, "var(--t2)"], [1.0, "var(--t3)"]]


def load_figure(
    load: FloatArray,
    memory: FloatArray,
    ts: FloatArray,
    *,
    curve: tuple[FloatArray, FloatArray] | None,
    words: list[str],
    title: str = "Memory",
) -> style.Picture:
    """Return the scatter of `memory` (bytes) against `load` (requests per second), all f64[n], coloured by `ts`.

    `curve` is the fitted load curve (load, bytes), both f64[k]; `words` says for each point when it was, `title` which
    memory it is.
    """
    known = np.isfinite(load) & np.isfinite(memory)
    scale = style.scale_of("bytes", style.largest(memory, curve[1] if curve else np.zeros(0)))
    traces: list[Any] = []
    traces.append(
        _points(
            load[known],
            scale.apply(memory[known]),
            ts[known],
            [w for w, k in zip(words, known, strict=True) if k],
            scale,
        )
    )
    if curve is not None:
        traces.append(_curve(curve, scale))
    own = style.layout(HEIGHT, hovermode="closest", dragmode=False)
    own["margin"] = {"l": 84, "r": 12, "t": 8, "b": 44}
    own["xaxis"] = style.axis(
        title={"text": "Load, requests per second", "standoff": 6, "font": {"size": 12}},
        rangemode="tozero",
        fixedrange=True,
        tickformat=",~g",
    )
    own["yaxis"] = style.value_axis(
        scale, rangemode="normal", title={"text": title, "standoff": 8, "font": {"size": 12}}
    )
    return style.Picture(traces, own)


def _curve(curve: tuple[FloatArray, FloatArray], scale: style.Scale) -> dict[str, Any]:
    return style.scatter(
        x=curve[0].astype(np.float32),
        y=scale.apply(curve[1]),
        mode="lines",
        line={"color": style.TEXT, "width": 2, "dash": "dash"},
        name="expected at this load",
        hovertemplate=f"expected at %{{x:,.1f}}/s: %{{y:,.1f}}{scale.suffix}<extra></extra>",
    )


def _points(
    load: FloatArray, memory: FloatArray, ts: FloatArray, words: list[str], scale: style.Scale
) -> dict[str, Any]:
    first = float(ts[0]) if len(ts) else 0.0
    return style.scatter(
        x=load.astype(np.float32),
        y=memory,
        mode="markers",
        text=words,
        customdata=(ts - first).astype(np.float32),
        meta={"first": first},
        name="measured",
        marker={
            "size": 6,
            "opacity": 0.85,
            "color": (ts - first).astype(np.float32),
            "colorscale": TIME_SCALE,
            "showscale": False,
        },
        unselected={"marker": {"opacity": 0.12}},
        hovertemplate=f"%{{text}}<br>%{{y:,.1f}}{scale.suffix} at %{{x:,.1f}}/s<extra></extra>",
    )
