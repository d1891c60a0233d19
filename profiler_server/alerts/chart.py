"""The small picture in a mail: memory against load, the floor with its growth line, and the limit; pure drawing."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from profiler_server.core.profile import FloatArray
from profiler_server.core.units import format_bytes, format_count

WIDTH, HEIGHT = 640, 260
SCALE = 2  # drawn at twice the size, so that lines are smooth after shrinking and sharp on dense screens
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 30, 26
LOAD_SHARE = 0.28
GRID_LINES = 4
HEADROOM = 1.04
ROUND_STEPS = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    12,
    15,
    20,
    25,
    30,
    40,
    50,
    60,
    80,
    100,
    125,
    150,
    200,
    250,
    300,
    400,
    500,
    800,
)
TIME_TICKS = 4
LIMIT_IN_SIGHT = 1.6  # a limit further away than this many times the memory would flatten the line

INK, MUTED, GRID, PAPER = "#1f2933", "#616e7c", "#e4e7eb", "#ffffff"
MEMORY, LOAD, GROWTH, LIMIT = "#2f6fb2", "#d7dde3", "#c2410c", "#7b1e1e"


@dataclass(frozen=True, eq=False)
class ChartData:
    """What is drawn: times in unix seconds, memory f64[n] (bytes, or a count), load f64[n] (requests per second).

    `growth` is the line of the growth as (ts, value) from its start to the newest data. Arrays may hold NaN.
    """

    ts: FloatArray
    memory: FloatArray
    load: FloatArray
    floor_ts: FloatArray
    floor: FloatArray
    growth: tuple[tuple[float, float], ...]
    limit: float | None
    in_bytes: bool
    memory_name: str
    floor_name: str = "floor and growth"


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps time and value to pixels."""

    start: float
    end: float
    top: float

    def x(self, ts: float) -> float:
        width = WIDTH - LEFT - RIGHT
        return (LEFT + width * (ts - self.start) / (self.end - self.start)) * SCALE

    def y(self, value: float) -> float:
        height = HEIGHT - TOP - BOTTOM
        return (TOP + height * (1 - value / self.top)) * SCALE


def draw_chart(data: ChartData) -> bytes | None:
    """Return the picture as PNG (`WIDTH` × `HEIGHT`, twice as dense), or None when there is nothing to draw."""
    seen = np.isfinite(data.memory)
    if seen.sum() < 2 or data.ts[seen][-1] <= data.ts[seen][0]:
        return None
    highest = float(data.memory[seen].max())
    limit = data.limit if data.limit and data.limit <= highest * LIMIT_IN_SIGHT else None
    step = _round_step(max(highest, limit or 0.0, 1.0) * HEADROOM / GRID_LINES, binary=data.in_bytes)
    frame = _Frame(float(data.ts[0]), float(data.ts[-1]), step * GRID_LINES)
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = ImageDraw.Draw(image)
    _draw_load(pen, frame, data)
    _draw_axes(pen, frame, data)
    _draw_line(pen, frame, (data.ts, data.memory), colour=MEMORY, width=2)
    _draw_line(pen, frame, (data.floor_ts, data.floor), colour=GROWTH, width=1)
    _draw_growth(pen, frame, data.growth)
    if limit is not None:
        y = frame.y(limit)
        pen.line([(LEFT * SCALE, y), ((WIDTH - RIGHT) * SCALE, y)], fill=LIMIT, width=2 * SCALE)
        _text(pen, (WIDTH - RIGHT, y / SCALE - 2), f"limit {format_bytes(limit)}", LIMIT, anchor="rb")
    _draw_legend(pen, data)
    return _png(image)


def _round_step(least: float, *, binary: bool) -> float:
    """Return the smallest round number of bytes (or of things) that is at least `least`."""
    base = 1024.0 if binary else 1000.0
    unit = base ** math.floor(math.log(max(least, 1.0), base))
    return next((unit * step for step in ROUND_STEPS if unit * step >= least), unit * base)


def _draw_load(pen: ImageDraw.ImageDraw, frame: _Frame, data: ChartData) -> None:
    seen = np.isfinite(data.load)
    if seen.sum() < 2 or data.load[seen].max() <= 0:
        return
    highest = float(data.load[seen].max())
    base = (HEIGHT - BOTTOM) * SCALE
    height = (HEIGHT - TOP - BOTTOM) * LOAD_SHARE * SCALE
    tops = [(frame.x(t), base - height * v / highest) for t, v in _pairs(data.ts[seen], data.load[seen])]
    pen.polygon([(tops[0][0], base), *tops, (tops[-1][0], base)], fill=LOAD)


def _draw_axes(pen: ImageDraw.ImageDraw, frame: _Frame, data: ChartData) -> None:
    for step in range(GRID_LINES + 1):
        value = frame.top * step / GRID_LINES
        y = frame.y(value)
        pen.line([(LEFT * SCALE, y), ((WIDTH - RIGHT) * SCALE, y)], fill=GRID, width=SCALE)
        label = format_bytes(value) if data.in_bytes else format_count(value)
        _text(pen, (LEFT - 6, y / SCALE), label, MUTED, anchor="rm")
    for step in range(TIME_TICKS + 1):
        ts = frame.start + (frame.end - frame.start) * step / TIME_TICKS
        anchor = "la" if step == 0 else "ra" if step == TIME_TICKS else "ma"
        _text(pen, (frame.x(ts) / SCALE, HEIGHT - BOTTOM + 6), _clock(ts, frame), MUTED, anchor=anchor)


def _draw_line(
    pen: ImageDraw.ImageDraw, frame: _Frame, line: tuple[FloatArray, FloatArray], *, colour: str, width: int
) -> None:
    ts, values = line
    seen = np.isfinite(values) & (ts >= frame.start) & (ts <= frame.end)
    if seen.sum() >= 2:
        points = [(frame.x(t), frame.y(max(v, 0.0))) for t, v in _pairs(ts[seen], values[seen])]
        pen.line(points, fill=colour, width=width * SCALE, joint="curve")


def _draw_growth(pen: ImageDraw.ImageDraw, frame: _Frame, growth: tuple[tuple[float, float], ...]) -> None:
    inside = [(frame.x(max(t, frame.start)), frame.y(max(v, 0.0))) for t, v in growth if math.isfinite(v)]
    if len(inside) >= 2:
        pen.line(inside, fill=GROWTH, width=3 * SCALE)


def _draw_legend(pen: ImageDraw.ImageDraw, data: ChartData) -> None:
    x = float(LEFT)
    for name, colour in ((data.memory_name, MEMORY), (data.floor_name, GROWTH), ("load", "#9aa5b1")):
        pen.rectangle([x * SCALE, 11 * SCALE, (x + 14) * SCALE, 16 * SCALE], fill=colour)
        _text(pen, (x + 19, 13.5), name, INK, anchor="lm")
        x += 36 + 6.2 * len(name)


def _text(pen: ImageDraw.ImageDraw, at: tuple[float, float], words: str, colour: str, *, anchor: str) -> None:
    font = ImageFont.load_default(11 * SCALE)
    pen.text((at[0] * SCALE, at[1] * SCALE), words, fill=colour, font=font, anchor=anchor)


def _clock(ts: float, frame: _Frame) -> str:
    pattern = (
        "%H:%M:%S"
        if frame.end - frame.start < 900
        else "%H:%M"
        if frame.end - frame.start < 172_800
        else "%d %b"
    )
    return datetime.fromtimestamp(ts, UTC).strftime(pattern)


def _pairs(ts: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
    return list(zip(ts.tolist(), values.tolist(), strict=True))


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.quantize(colors=64, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()
