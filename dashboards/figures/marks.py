"""Moments on a picture's axis of time: a dotted line each, with a word at its top, no two words over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dashboards.zones import wall_clock

DANGER, GOOD, PLAIN = "var(--danger)", "var(--ok)", "var(--muted)"
ROW = 16
"""Pixels from one row of words to the next."""
ROOM_SHARE = 0.35
"""Words closer together than this share of the axis stand in rows below each other."""
RIGHT_SHARE = 0.75


@dataclass(frozen=True)
class Mark:
    """A moment in unix seconds, what happened then, and the colour (a variable of the style sheet) it has."""

    at: float
    text: str
    colour: str = PLAIN


def add_marks(
    layout: dict[str, Any], marks: Sequence[Mark], span: tuple[float, float], zone: ZoneInfo
) -> None:
    """Draw the marks within `span` (unix seconds, of the axis) into a figure's layout, their words above the plot.

    The margin at the top grows by the rows of words, and a legend is put above them.
    """
    start, end = span
    shapes, words = layout.setdefault("shapes", []), layout.setdefault("annotations", [])
    rows: list[float] = []
    for mark in sorted((one for one in marks if start <= one.at <= end), key=lambda one: one.at):
        share = (mark.at - start) / max(end - start, 1.0)
        row = next((i for i, taken in enumerate(rows) if share - taken >= ROOM_SHARE), len(rows))
        rows[row : row + 1] = [share]
        x = str(wall_clock(np.asarray([mark.at]), zone)[0])
        shapes.append(
            {"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1,
             "line": {"color": mark.colour, "width": 1, "dash": "dot"}}
        )  # fmt: skip
        words.append(
            {"x": x, "xref": "x", "y": 1, "yref": "paper", "text": mark.text, "showarrow": False,
             "xanchor": "right" if share > RIGHT_SHARE else "left", "yanchor": "bottom", "yshift": ROW * row,
             "font": {"size": 11, "color": mark.colour}}
        )  # fmt: skip
    _make_room(layout, ROW * len(rows))


def _make_room(layout: dict[str, Any], pixels: int) -> None:
    """Widen the margin at the top by so many pixels, and lift the legend over them."""
    margin = layout["margin"]
    margin["t"] += pixels
    if "legend" in layout:
        layout["legend"]["y"] = 1.0 + (pixels + 4) / (layout["height"] - margin["t"] - margin["b"])
