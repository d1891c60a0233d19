"""The service's one time axis: memory and its limit, load, latency and any further series, with what happened when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dashboards.figures import style
from dashboards.zones import wall_clock, wall_clock_ms
from profiler_server.core.profile import FloatArray

EVENT_PIXELS = 22
PANEL_PIXELS = {True: 250, False: 112}
GAP_PIXELS = 38
FOOT_PIXELS = 40
MAX_EVENTS = 400
EVENT_LOOKS = {
    "deploy": ("triangle-down", "var(--accent)"),
    "restart": ("line-ns-open", "var(--muted)"),
    "config": ("diamond-open", "var(--muted)"),
    "oom": ("x", "var(--danger)"),
    "exit": ("x-thin-open", "var(--warn)"),
    "note": ("circle-open", "var(--muted)"),
    "finding": ("triangle-up", "var(--danger)"),
    "found": ("circle", "var(--danger)"),
    "resolved": ("circle", "var(--ok)"),
    "change": ("diamond", "var(--warn)"),
    "pinned": ("star", "var(--c4)"),
}
LINED = frozenset({"deploy", "oom", "finding", "change"})
EVENT_KEYS = {
    "deploy": ("▼", "release"), "restart": ("│", "restart"), "config": ("◇", "configuration"),
    "oom": ("✕", "killed for memory"), "exit": ("×", "exit"), "note": ("○", "note"),
    "finding": ("▲", "growth began"), "found": ("●", "found"), "resolved": ("●", "resolved"),
    "change": ("◆", "change of level"), "pinned": ("★", "pinned snapshot"),
}  # fmt: skip
NOTHING = "Nothing was measured in this range."


@dataclass(frozen=True)
class Line:
    """One line on the grid: `values` f64[n], NaN where there is none; optionally a band from `low` to `high`.

    `label` tells lines of the same name apart where one points at them.
    """

    name: str
    values: FloatArray
    colour: str
    low: FloatArray | None = None
    high: FloatArray | None = None
    dash: str = "solid"
    label: str = ""


@dataclass(frozen=True)
class Panel:
    """Lines that share a vertical axis; `unit` is bytes, ms, per_second, seconds or count."""

    title: str
    unit: str
    lines: Sequence[Line]
    main: bool = False


@dataclass(frozen=True)
class Event:
    """Something that happened at `ts` (unix seconds); `kind` chooses its mark, `text` is shown on hover."""

    ts: float
    kind: str
    text: str


@dataclass(frozen=True)
class Grid:
    """The moments all lines share: unix seconds f64[n], rising, evenly spaced."""

    ts: FloatArray
    start: float
    end: float
    zone: ZoneInfo

    def x(self) -> dict[str, Any]:
        """Return the x part of a trace: start and step where the wall clock is even, else every moment."""
        wall = wall_clock_ms(self.ts, self.zone)
        steps = np.diff(wall)
        texts = wall_clock(self.ts, self.zone)
        if len(steps) and np.ptp(steps) < 1.0:
            return {"x0": str(texts[0]), "dx": float(np.mean(steps))}
        return {"x": texts}

    def wall(self, ts: float) -> str:
        """Return one moment of the reader's wall clock as a chart takes it."""
        return str(wall_clock(np.asarray([ts]), self.zone)[0])

    def wall_ms(self, ts: float) -> float:
        """Return one moment in milliseconds of the reader's wall clock."""
        return float(wall_clock_ms(np.asarray([ts]), self.zone)[0])


@dataclass
class _Drawing:
    traces: list[Any] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)


def timeline_figure(grid: Grid, panels: Sequence[Panel], events: Sequence[Event]) -> style.Picture:
    """Return the figure: a strip of events above one panel per entry of `panels`, all on one axis of time."""
    heights = [EVENT_PIXELS, *(PANEL_PIXELS[panel.main] for panel in panels)]
    plot = sum(heights) + GAP_PIXELS * len(panels)
    drawing = _Drawing(layout=style.layout(plot + FOOT_PIXELS, showlegend=True, hoversubplots="axis"))
    drawing.layout["margin"] = {"l": 70, "r": 12, "t": 4, "b": FOOT_PIXELS - 4}
    top = plot
    _add_events(drawing, grid, events, domain=((top - EVENT_PIXELS) / plot, 1.0))
    for index, panel in enumerate(panels):
        top -= heights[index] + GAP_PIXELS
        _add_panel(drawing, grid, panel, index=index, domain=((top - heights[index + 1]) / plot, top / plot))
    drawing.layout["meta"] = {"events": _event_keys(events)}
    if not any(panel.lines for panel in panels):
        drawing.layout["annotations"] = [_nothing()]
    last = f"y{len(panels) + 1}" if panels else "y"
    start, end = grid.wall_ms(grid.start), grid.wall_ms(grid.end)
    drawing.layout["xaxis"] = style.time_axis(
        start, end, anchor=last, showspikes=True, spikemode="across", spikethickness=1, spikedash="solid",
        spikecolor=style.LINE, spikesnap="cursor",
    )  # fmt: skip
    return style.Picture(drawing.traces, drawing.layout)


def _event_keys(events: Sequence[Event]) -> list[list[str]]:
    """Return what the marks of the events mean: mark, word and colour of each kind, in the order of `EVENT_KEYS`."""
    there = {event.kind for event in events}
    return [[*EVENT_KEYS[kind], EVENT_LOOKS[kind][1]] for kind in EVENT_KEYS if kind in there]


def _nothing() -> dict[str, Any]:
    font = {"size": 14, "color": style.MUTED}
    return {
        "text": NOTHING,
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.6,
        "font": font,
    }


def _add_events(
    drawing: _Drawing, grid: Grid, events: Sequence[Event], *, domain: tuple[float, float]
) -> None:
    shown = sorted(events, key=lambda event: event.kind in LINED)[-MAX_EVENTS:]
    drawing.layout["yaxis"] = style.axis(domain=domain, range=[0, 1], visible=False, fixedrange=True)
    looks = [EVENT_LOOKS.get(event.kind, EVENT_LOOKS["note"]) for event in shown]
    drawing.traces.append(
        style.scatter(
            x=[grid.wall(event.ts) for event in shown],
            y=[0.5] * len(shown),
            text=[event.text for event in shown],
            mode="markers",
            marker={
                "symbol": [look[0] for look in looks],
                "color": [look[1] for look in looks],
                "size": 9,
                "line": {"width": 1.6, "color": [look[1] for look in looks]},
            },
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
            name="events",
            yaxis="y",
        )
    )
    drawing.layout["shapes"] = [_event_line(grid, event) for event in shown if event.kind in LINED]


def _event_line(grid: Grid, event: Event) -> dict[str, Any]:
    at = grid.wall(event.ts)
    line = {"color": EVENT_LOOKS[event.kind][1], "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 0.985, "line": line,
            "layer": "below", "opacity": 0.75}  # fmt: skip


def _add_panel(
    drawing: _Drawing, grid: Grid, panel: Panel, *, index: int, domain: tuple[float, float]
) -> None:
    tops = [line.values if line.high is None else line.high for line in panel.lines]
    scale = style.scale_of(panel.unit, style.largest(*tops))
    number = index + 2
    legend = "legend" if index == 0 else f"legend{index + 1}"
    drawing.layout[f"yaxis{number}"] = style.value_axis(
        scale, domain=domain, anchor="x", nticks=6 if panel.main else 4,
        range=[0, scale.apply(np.asarray([style.largest(*tops) or 1.0]))[0].item() * style.HEADROOM],
    )  # fmt: skip
    named = all(line.name.startswith(panel.title) for line in panel.lines)  # its own key names it
    drawing.layout[legend] = {
        "orientation": "h", "x": 0, "y": domain[1], "xanchor": "left", "yanchor": "bottom",
        "bgcolor": "rgba(0,0,0,0)", "font": {"size": 12, "color": style.MUTED}, "itemwidth": 30,
        "title": {"text": "" if named else f"{panel.title} ", "font": {"size": 12.5, "color": style.TEXT}},
    }  # fmt: skip
    x = grid.x()
    seen: set[str] = set()
    for line in panel.lines:
        common = {**x, "yaxis": f"y{number}", "legend": legend, "mode": "lines"}
        drawing.traces.extend(_line_traces(line, common, scale, first=line.name not in seen))
        seen.add(line.name)


def _line_traces(line: Line, common: dict[str, Any], scale: style.Scale, *, first: bool) -> list[Any]:
    traces: list[Any] = []
    if line.low is not None and line.high is not None:
        edge = common | {
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
            "legendgroup": line.name,
        }
        traces.append(style.scatter(**edge, y=scale.apply(line.low), name=f"{line.name} low"))
        traces.append(
            style.scatter(
                **edge,
                y=scale.apply(line.high),
                name=f"{line.name} high",
                fill="tonexty",
                fillcolor="var(--c-band)",
            )
        )
    traces.append(
        style.scatter(
            **common,
            y=scale.apply(line.values),
            name=line.name,
            legendgroup=line.name,
            showlegend=first,
            line={"color": line.colour, "width": 1.6, "dash": line.dash},
            connectgaps=False,
            hovertemplate=f"%{{y:,.{scale.decimals}f}}{scale.suffix}"
            + (f" · {line.label}" if line.label else ""),
        )
    )
    return traces
