"""The evidence in one picture: the floor of memory life by life, the line fitted to it, and its way to the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dashboards.figures import style
from dashboards.figures.marks import Mark, add_marks
from dashboards.zones import wall_clock, wall_clock_ms
from profiler_server.core.profile import FloatArray

HEIGHT = 300
MAX_LIVES = 24
LONGEST_LOOK_AHEAD = 1.0
LIMIT_IN_SIGHT = 2.5
"""A limit without a forecast is drawn when it is at most this many times what is seen."""
LATELY_SHARE = 0.05
EARLIER_SHARE = 0.1
"""The axis begins with the growth when that is no more than this share of the floor's time before it."""


@dataclass(frozen=True)
class Floor:
    """The floor of one process life: `ts` unix seconds, `value` and `fitted` in the signal's unit, all f64[n]."""

    instance: str
    ts: FloatArray
    value: FloatArray
    fitted: FloatArray


@dataclass(frozen=True)
class Forecast:
    """When the limit is reached, in unix seconds, as forecast at `made_at`."""

    made_at: float
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True)
class Resident:
    """The resident memory of one process life: `ts` unix seconds, `size_bytes`, both f64[n]."""

    instance: str
    ts: FloatArray
    size_bytes: FloatArray


@dataclass(frozen=True)
class FloorPicture:
    """What is drawn; `limit` and `forecast` may be missing, `since` is when the growth began.

    `resident` is drawn behind the floors: it is what meets the limit. `name` says what the floor is of.
    """

    floors: Sequence[Floor]
    unit: str
    zone: ZoneInfo
    since: float
    limit: float | None = None
    forecast: Forecast | None = None
    resident: Sequence[Resident] = ()
    marks: Sequence[Mark] = ()
    name: str = "floor"


def floor_figure(picture: FloorPicture) -> style.Picture:
    """Return the floors as points, their fits as lines, and a fan that reaches the limit at P10, P50 and P90."""
    floors = sorted(picture.floors, key=lambda floor: len(floor.ts))[-MAX_LIVES:]
    resident = [one for one in picture.resident if len(one.ts)][-MAX_LIVES:]
    top = style.largest(*(floor.value for floor in floors), *(one.size_bytes for one in resident))
    limit = picture.limit if picture.limit and _in_sight(picture, top) else None
    scale = style.scale_of(picture.unit, max(top, limit or 0.0))
    traces: list[Any] = []
    for index, one in enumerate(resident):
        traces.append(_resident_trace(one, picture.zone, scale, first=index == 0))
    for index, floor in enumerate(floors):
        traces.extend(_floor_traces(floor, picture, scale, first=index == 0))
    end = max((float(floor.ts[-1]) for floor in floors if len(floor.ts)), default=picture.since)
    start = min((float(floor.ts[0]) for floor in floors if len(floor.ts)), default=picture.since)
    start = picture.since if 0 < start - picture.since < EARLIER_SHARE * (end - start) else start
    last = end
    if limit is not None and picture.forecast is not None:
        last = min(picture.forecast.p90, end + LONGEST_LOOK_AHEAD * max(end - start, 1.0))
        traces.extend(_fan(picture, _level(floors, resident, (start, end)), scale, end=end))
    return style.Picture(traces, _layout(picture, scale, (start, last), limit))


def _in_sight(picture: FloorPicture, top: float) -> bool:
    return picture.forecast is not None or (picture.limit or 0.0) < LIMIT_IN_SIGHT * top


def _level(floors: Sequence[Floor], resident: Sequence[Resident], span: tuple[float, float]) -> float:
    """Return from where the limit is approached: the fullest process that still reports, by its resident memory."""
    lately = span[1] - LATELY_SHARE * (span[1] - span[0])
    running = [one for one in resident if float(one.ts[-1]) >= lately and np.isfinite(one.size_bytes).any()]
    if running:
        return max(float(one.size_bytes[np.isfinite(one.size_bytes)][-1]) for one in running)
    return max((float(one.fitted[-1]) for one in floors if len(one.ts) and one.ts[-1] >= lately), default=0.0)


def _wall(ts: Sequence[float] | FloatArray, zone: ZoneInfo) -> NDArray[np.datetime64]:
    return wall_clock(np.asarray(ts, dtype=np.float64), zone)


def _resident_trace(one: Resident, zone: ZoneInfo, scale: style.Scale, *, first: bool) -> dict[str, Any]:
    return style.scatter(
        x=_wall(one.ts, zone), y=scale.apply(one.size_bytes), mode="lines", name="RSS", legendgroup="rss",
        showlegend=first, line={"width": 1.2, "color": "var(--muted)"},
        hovertemplate=f"RSS %{{y:,.1f}}{scale.suffix}<extra>{one.instance}</extra>",
    )  # fmt: skip


def _floor_traces(floor: Floor, picture: FloorPicture, scale: style.Scale, *, first: bool) -> list[Any]:
    x = _wall(floor.ts, picture.zone)
    text = f"%{{y:,.1f}}{scale.suffix}<extra>{floor.instance}</extra>"
    return [
        style.scatter(x=x, y=scale.apply(floor.value), mode="markers", name=picture.name, legendgroup="floor",
                   showlegend=first, hovertemplate=text, marker={"size": 4.5, "color": "var(--c-rss)"}),
        style.scatter(x=x, y=scale.apply(floor.fitted), mode="lines", name="fitted", legendgroup="fitted",
                   showlegend=first, hoverinfo="skip", line={"width": 1.6, "color": "var(--c-heap)"}),
    ]  # fmt: skip


def _fan(picture: FloorPicture, level: float, scale: style.Scale, *, end: float) -> list[Any]:
    forecast, limit = picture.forecast, picture.limit
    if forecast is None or limit is None:
        return []
    heights = scale.apply(np.asarray([level, limit, limit, level]))
    corners = _wall([end, forecast.p10, forecast.p90, end], picture.zone)
    middle = _wall([end, forecast.p50], picture.zone)
    return [
        style.scatter(x=corners, y=heights, fill="toself", mode="lines", line={"width": 0}, fillcolor="var(--c-band)",
                   name="forecast, 10–90 %", hoverinfo="skip"),
        style.scatter(x=middle, y=scale.apply(np.asarray([level, limit])), mode="lines", name="most likely",
                   line={"width": 1.6, "dash": "dot", "color": "var(--c-limit)"}, hoverinfo="skip"),
    ]  # fmt: skip


def _layout(
    picture: FloorPicture, scale: style.Scale, span: tuple[float, float], limit: float | None
) -> dict[str, Any]:
    own = style.layout(HEIGHT, hovermode="closest", dragmode=False, showlegend=True)
    own["legend"] = {
        "orientation": "h",
        "x": 0,
        "y": 1.02,
        "yanchor": "bottom",
        "font": {"size": 12, "color": style.MUTED},
    }
    own["margin"] = {"l": 70, "r": 12, "t": 26, "b": 36}
    start, last = wall_clock_ms(np.asarray(span), picture.zone)
    own["xaxis"] = style.time_axis(float(start), float(last), fixedrange=True)
    own["yaxis"] = style.value_axis(scale)
    add_marks(own, picture.marks, span, picture.zone)
    if limit is not None:
        y = float(scale.apply(np.asarray([limit]))[0])
        own["shapes"].append({"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y,
                              "line": {"color": "var(--c-limit)", "width": 1.4, "dash": "dash"}})  # fmt: skip
        own["annotations"].append(
            {"xref": "paper", "x": 1, "y": y, "text": "limit", "showarrow": False, "xanchor": "right",
             "yanchor": "bottom", "font": {"size": 11, "color": "var(--c-limit)"}})  # fmt: skip
    return own
