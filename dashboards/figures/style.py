"""What all pictures share: fonts, grids and colours (as CSS variables that the browser resolves), units on axes."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from plotly.io.json import to_json_plotly

from profiler_server.core.profile import FloatArray

FONT = 'Inter, "Segoe UI", system-ui, "Liberation Sans", Arial, sans-serif'
MUTED, TEXT, LINE, GRID, PANEL = (
    "var(--muted)",
    "var(--text)",
    "var(--line-strong)",
    "var(--c-grid)",
    "var(--panel)",
)
SERIES_COLOURS = tuple(f"var(--c{index})" for index in range(1, 9))
HEADROOM = 1.08
_BINARY_STEPS = (("B", 1.0), ("KiB", 2.0**10), ("MiB", 2.0**20), ("GiB", 2.0**30), ("TiB", 2.0**40))


@dataclass(frozen=True)
class Scale:
    """How values are written on an axis: divided by `divisor`, followed by `suffix`."""

    divisor: float
    suffix: str
    decimals: int

    def apply(self, values: FloatArray) -> FloatArray:
        """Return the values in the axis's unit as float32, which is what travels."""
        return (values / self.divisor).astype(np.float32)


@dataclass(frozen=True)
class Picture:
    """A Plotly figure: its traces and its layout. The tests check it against Plotly's own schema."""

    data: list[dict[str, Any]]
    layout: dict[str, Any]

    def to_json(self) -> str:
        """Return it as Plotly's JSON, numbers of arrays in base64."""
        return str(to_json_plotly(_plain({"data": self.data, "layout": self.layout})))


def _plain(value: Any) -> Any:
    """Return typed arrays as Plotly's columnar form, which is small and is read without parsing numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        code = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"dtype": f"f{value.dtype.itemsize}", "bdata": code}
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (str, float, int)):
        return [_plain(part) for part in value]
    return value


def scatter(**properties: Any) -> dict[str, Any]:
    """Return a trace of points, lines or areas."""
    return {"type": "scatter", **properties}


def scale_of(unit: str, largest: float) -> Scale:
    """Return the scale for values up to `largest` in "bytes", "ms", "per_second" or a bare count."""
    size = abs(largest) if math.isfinite(largest) else 0.0
    if unit == "bytes":
        name, divisor = next(
            (step for step in reversed(_BINARY_STEPS) if size >= step[1] * 2), _BINARY_STEPS[0]
        )
        return Scale(divisor, f" {name}", 1 if divisor > 1 else 0)
    if unit == "ms":
        return Scale(1000.0, " s", 2) if size >= 10_000 else Scale(1.0, " ms", 1)
    if unit == "per_second":
        return Scale(1.0, "/s", 1)
    if unit == "seconds":
        return Scale(1.0, " s", 2)
    return Scale(1.0, "", 2 if size < 100 else 0)


def unit_of(name: str) -> str:
    """Return the unit that a column's name carries."""
    if name.endswith(("_bytes", ".bytes")):
        return "bytes"
    if name.endswith(("_ms", ".ms")) and not name.endswith("_per_ms"):
        return "ms"
    if name.endswith("_seconds"):
        return "seconds"
    return "count"


def layout(height: int, **more: Any) -> dict[str, Any]:
    """Return the layout that every picture starts from; `height` in pixels is what keeps the page from shifting."""
    base: dict[str, Any] = {
        "height": height,
        "margin": {"l": 64, "r": 12, "t": 8, "b": 28},
        "font": {"family": FONT, "size": 12, "color": MUTED},
        "paper_bgcolor": PANEL,  # named, since the chart library takes the rim of its hover line from it
        "plot_bgcolor": PANEL,
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": PANEL,
            "bordercolor": LINE,
            "font": {"family": FONT, "size": 12, "color": TEXT},
        },
        "showlegend": False,
        "dragmode": "zoom",
    }
    return base | more


def axis(**more: Any) -> dict[str, Any]:
    """Return the settings of an axis."""
    base: dict[str, Any] = {
        "gridcolor": GRID,
        "linecolor": LINE,
        "zeroline": False,
        "ticks": "",
        "automargin": False,
        "tickfont": {"size": 11, "color": MUTED},
    }
    return base | more


def value_axis(scale: Scale, **more: Any) -> dict[str, Any]:
    """Return a vertical axis that starts at nought and cannot be zoomed by hand."""
    fixed = {"fixedrange": True, "rangemode": "tozero", "nticks": 5, "ticksuffix": scale.suffix}
    return axis(**(fixed | {"hoverformat": f",.{scale.decimals}f", "tickformat": ",~g"} | more))


def time_axis(start_ms: float, end_ms: float, **more: Any) -> dict[str, Any]:
    """Return a horizontal axis of time from `start_ms` to `end_ms` (the reader's wall clock)."""
    own = {
        "type": "date",
        "range": [_moment_text(start_ms), _moment_text(end_ms)],
        "showgrid": False,
        "hoverformat": "%-d %b %H:%M:%S",
        "tickformatstops": [
            {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%-d %b"},
            {"dtickrange": [86_400_000, None], "value": "%-d %b\n%Y"},
        ],
    }
    return axis(**(own | more))


def _moment_text(wall_ms: float) -> str:
    return str(np.datetime64(round(wall_ms), "ms"))


def largest(*arrays: FloatArray) -> float:
    """Return the largest finite value of all arrays, 0 when there is none."""
    tops = [float(np.nanmax(array)) for array in arrays if len(array) and not np.isnan(array).all()]
    return max(tops, default=0.0)
