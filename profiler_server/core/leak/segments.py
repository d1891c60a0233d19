"""One channel of a service as segments of steady circumstances: a process life, cut at steps and long gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from profiler_server.core.leak.channels import CHANNELS
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.history import COUNT, HEAP_TEETH, LOW, MID, RSS_TEETH, TIME, LifeHistory
from profiler_server.core.leak.medians import median, present_median, row_medians
from profiler_server.core.leak.window import HOUR, FloatArray

MIN_SEGMENT_BLOCKS = 4
GAP_BLOCKS = 6
"""Over a longer gap than this neighbouring blocks say nothing of each other's noise, and nothing of steps."""
RSS = CHANNELS.index("rss")
RESIDENT_SCALED = frozenset(CHANNELS.index(name) for name in ("native", "outside", "unmapped", "free"))
STEP_SIGMAS = 6.0
STEP_SHARE = 0.02
MAX_STEPS = 3
MIN_TEETH = 3.0
TOOTH_BLOCKS = 0.34
TEETH = {CHANNELS.index("heap"): HEAP_TEETH, CHANNELS.index("rss"): RSS_TEETH}


@dataclass(frozen=True)
class Segment:
    """Rows of `lives[life]` (indices into its blocks) whose channel value is present; `value` f64[n], raw units."""

    life: int
    rows: NDArrayInt
    value: FloatArray


@dataclass(frozen=True)
class ChannelData:
    """A channel of all lives of a service: its segments and its base (median of the floor), raw units."""

    channel: int
    base: float
    segments: tuple[Segment, ...]
    steps_up: int
    steps_down: int


NDArrayInt = np.ndarray[tuple[int], np.dtype[np.int64]]


def _roughness(values: FloatArray) -> float:
    """Return the median absolute second difference: noise, blind to level and slope."""
    if len(values) < 4:
        return 0.0
    first = values[1:] - values[:-1]
    return median(np.abs(first[1:] - first[:-1]))


def floor_of(life: LifeHistory, channel: int) -> FloatArray:
    """Return the floor of a channel per block: the middle, or the low where it is the quieter of the two.

    Where saw teeth are longer than a block (a collector that runs rarely) the floor is the running minimum over two
    teeth.
    """
    middle, low = life.blocks[:, MID + channel], life.blocks[:, LOW + channel]
    present = ~np.isnan(middle)
    if present.sum() < MIN_SEGMENT_BLOCKS:
        return middle
    quiet = _roughness(low[present]) < 0.7 * _roughness(middle[present])
    floor = low if quiet else middle
    tooth = _tooth_blocks(life, channel)
    return floor if tooth == 0 else _running_minimum(low, tooth)


def _tooth_blocks(life: LifeHistory, channel: int) -> int:
    """Return the length of saw teeth in blocks, 0 if there are none or a block holds several."""
    column = TEETH.get(channel)
    if column is None:
        return 0
    half = len(life.blocks) // 2
    late = life.blocks[half:]
    teeth = float((np.nan_to_num(late[:, column]) * late[:, COUNT]).sum())
    if teeth < MIN_TEETH or len(late) / teeth < TOOTH_BLOCKS:
        return 0
    return int(min(np.ceil(1.5 * len(late) / teeth), max(len(life.blocks) // 6, 2)))


def _running_minimum(values: FloatArray, width: int) -> FloatArray:
    """Return the minimum of each value and the `width - 1` on either side of it."""
    padded = np.concatenate([np.full(width - 1, np.nan), values, np.full(width - 1, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * width - 1)
    return np.asarray(np.fmin.reduce(windows, axis=1))


def find_steps(values: FloatArray, level: float) -> list[int]:
    """Return where `values` jumps for good within two blocks: index of the first block after each jump."""
    n = len(values)
    width = max(3, min(8, n // 6))
    if n < 2 * width + 2:
        return []
    changes = np.sort(np.abs(values[1:] - values[:-1]))
    usual = changes[: max(len(changes) - 2 * MAX_STEPS, 1)]
    noise = max(1.4826 * median(changes), float(np.sqrt((usual**2).mean()))) + 1e-9 * level
    least = max(STEP_SIGMAS * noise, STEP_SHARE * level)
    if 1.5 * float(values.max() - values.min()) <= least:
        return []  # no jump can be larger than this
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    middle = row_medians(windows)
    trend = (windows[:, -1] - windows[:, 0]) / max(width - 1, 1)
    before, after = middle[: n - 2 * width], middle[width + 1 : n - width + 1]
    drift = 0.5 * (trend[: n - 2 * width] + trend[width + 1 : n - width + 1]) * (width + 1)
    jump = after - before - np.clip(drift, -np.abs(after - before), np.abs(after - before)) * 0.5
    found: list[int] = []
    if not (np.abs(jump) > least).any():
        return found
    for k in np.argsort(-np.abs(jump))[: 4 * MAX_STEPS]:
        at = int(k) + width
        local = values[at + 1] - values[at - 1]
        big = abs(jump[k]) > least
        if big and abs(local) > 0.6 * abs(jump[k]) and all(abs(at - other) > width for other in found):
            sharp = at + 1 if abs(values[at + 1] - values[at]) > abs(values[at] - values[at - 1]) else at
            found.append(sharp)
    return sorted(found)


def _without_start(
    life: LifeHistory, floor: FloatArray, config: DetectorConfig, clock_scale: float
) -> FloatArray:
    """Blank the first part of a life, in which every process fills its pools; a fixed share of its age so far."""
    if len(life.blocks) == 0:
        return floor
    age = life.hours - life.started_at * clock_scale / HOUR
    return np.where(age < config.start_share * age[-1], np.nan, floor)


def build_channel(
    lives: Sequence[LifeHistory], channel: int, *, config: DetectorConfig, clock_scale: float = 1.0
) -> ChannelData | None:
    """Return a channel's segments over all lives, or None where it is missing or always zero."""
    floors = [_without_start(life, floor_of(life, channel), config, clock_scale) for life in lives]
    present = [floor[~np.isnan(floor)] for floor in floors]
    everything = np.concatenate(present) if present else np.empty(0)
    if len(everything) < MIN_SEGMENT_BLOCKS:
        return None
    base = median(np.abs(everything))
    if channel in RESIDENT_SCALED:
        base = max(base, present_median(np.concatenate([life.blocks[:, MID + RSS] for life in lives])))
    if not base > 0:
        return None
    segments: list[Segment] = []
    for index, floor in enumerate(floors):
        segments.extend(_whole(index, floor))
    return ChannelData(channel, base, tuple(segments), 0, 0) if segments else None


def cut_steps(data: ChannelData, steady: Sequence[FloatArray], lives: Sequence[LifeHistory]) -> ChannelData:
    """Cut segments where their floor, load and growth taken out (`steady[i]` f64[n_i], shares of base), jumps for good.

    Three steps up and none down are stairs, which is how a job that leaks once a night climbs: they are left whole.
    """
    cuts = [
        [
            at
            for at in find_steps(values, 1.0)
            if not _in_gap(lives[segment.life].blocks[segment.rows, TIME], at)
        ]
        for values, segment in zip(steady, data.segments, strict=True)
    ]
    up = sum(int(v[at] > v[at - 1]) for v, where in zip(steady, cuts, strict=True) for at in where)
    down = sum(len(where) for where in cuts) - up
    if up + down == 0:
        return data
    if up >= 3 * len({lives[s.life].instance for s in data.segments}) and down == 0:
        return replace(data, steps_up=up)
    parts: list[Segment] = []
    for segment, where in zip(data.segments, cuts, strict=True):
        bounds = [0, *where, len(segment.rows)] if len(where) <= MAX_STEPS else [0, len(segment.rows)]
        for a, b in pairwise(bounds):
            if b - a >= MIN_SEGMENT_BLOCKS:
                parts.append(Segment(segment.life, segment.rows[a:b], segment.value[a:b]))
    return replace(data, segments=tuple(parts), steps_up=up, steps_down=down) if parts else data


def _in_gap(hours: FloatArray, at: int) -> bool:
    """Whether nothing was seen for long just before a block: what changed meanwhile is no jump."""
    steps = hours[1:] - hours[:-1]
    return float(steps[max(at - 2, 0) : at + 1].max()) > GAP_BLOCKS * median(steps)


def _whole(index: int, floor: FloatArray) -> list[Segment]:
    """Return one life as one segment, nothing if too little of it is known; gaps do not part it."""
    rows = np.flatnonzero(~np.isnan(floor))
    return [Segment(index, rows, floor[rows])] if len(rows) >= MIN_SEGMENT_BLOCKS else []


def observed_points(lives: Sequence[LifeHistory]) -> float:
    """Return how many points the lives' blocks were made of."""
    return float(sum(life.blocks[:, COUNT].sum() for life in lives))
