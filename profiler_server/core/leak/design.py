"""The columns that may explain a floor: load with lag, warm-up, and the clocks by which a leak can run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.core.leak.channels import CHANNELS
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.history import ERRORS, LOAD, N_LAGS, REQUESTS, TIME, LifeHistory
from profiler_server.core.leak.segments import ChannelData
from profiler_server.core.leak.window import HOUR, FloatArray

LEAK_CLOCKS = ("time", "requests", "errors", "accelerating", "decelerating")
N_CLOCKS = len(LEAK_CLOCKS)
DECELERATING_POWER = 0.6
DAY_HOURS = 24.0
STRAIGHT = frozenset(CHANNELS.index(name) for name in ("outside", "unmapped"))
HIGH_WATER = frozenset(CHANNELS.index(name) for name in ("rss", "outside", "unmapped"))


@dataclass(frozen=True)
class LoadScale:
    """How raw load becomes columns: centre and unit of rate and averages (per second), NaN without load."""

    centre: FloatArray
    spread: FloatArray
    rate: float
    error_rate: float

    @property
    def known(self) -> bool:
        """Whether any load was reported."""
        return bool(self.rate > 0)


@dataclass(frozen=True)
class Design:
    """Column layout of every segment's matrix: [1 | load… | warm-up… | leak clocks… | y].

    `matrices[i]` f64[n_i, width] belongs to `data.segments[i]`; y is divided by the channel's base, leak clocks run
    in units of `span_hours`. `straight`: page cache and fragments bend, so only straight growth counts as a leak.
    """

    matrices: tuple[FloatArray, ...]
    n_load: int
    n_warm: int
    span_hours: float
    warm_names: tuple[tuple[str, float], ...]
    straight: bool = False


def clock_column(design: Design, clock: str) -> int:
    """Return where a leak clock stands in the matrices."""
    return 1 + design.n_load + design.n_warm + LEAK_CLOCKS.index(clock)


def scale_load(lives: Sequence[LifeHistory]) -> LoadScale:
    """Return centre and spread of the load over all lives, so that every life's columns mean the same."""
    stacked = np.concatenate([life.blocks[:, LOAD:REQUESTS] for life in lives])
    stacked = stacked[~np.isnan(stacked).any(axis=1)]
    if len(stacked) < 3 or not stacked[:, 0].any():
        nothing = np.full(1 + N_LAGS, np.nan)
        return LoadScale(nothing, nothing, 0.0, 0.0)
    centre = stacked.mean(axis=0)
    # One unit for the rate and all its averages: a request weighs the same however late memory follows it.
    spread = np.full(1 + N_LAGS, max(float(stacked[:, 0].std()), float(centre[0])))
    hours = sum(life.observed_hours for life in lives)
    failed = sum(
        float(life.blocks[-1, ERRORS] - life.blocks[0, ERRORS]) for life in lives if len(life.blocks)
    )
    return LoadScale(centre, spread, float(centre[0]), failed / max(hours, 1e-9))


@dataclass(frozen=True)
class LifeColumns:
    """What may explain any channel of one process life, a row per block: f64[n, …] each.

    `load`: the rate and its averages in standard units, then the square of the first average and the high-water mark of
    the load (without load: a day's sine and cosine); `rest`: warm-ups, then leak clocks.
    """

    load: FloatArray
    rest: FloatArray


class Explanations:
    """The explaining columns of all lives of one evaluation; each life's are made once for all of its channels."""

    def __init__(
        self,
        lives: Sequence[LifeHistory],
        scale: LoadScale,
        *,
        clock_scale: float,
        config: DetectorConfig,
    ) -> None:
        self._lives, self._clock_scale = lives, clock_scale
        self._made: dict[int, LifeColumns] = {}
        self.scale = scale
        self.span_hours = max(*(life.observed_hours for life in lives), 1e-3)
        names = [("hours", tau) for tau in config.warm_hours]
        names += [("requests", tau) for tau in config.warm_hours] if scale.known else []
        self.warm_names = tuple(names)

    def of(self, index: int) -> LifeColumns:
        """Return the columns of the life at `index`."""
        if index not in self._made:
            self._made[index] = self._make(self._lives[index])
        return self._made[index]

    def _make(self, life: LifeHistory) -> LifeColumns:
        age = life.blocks[:, TIME] - life.started_at * self._clock_scale / HOUR
        busy = _request_hours(life, self.scale, age)
        warm = [
            1.0 - np.exp(-np.maximum(age if kind == "hours" else busy, 0.0) / tau)
            for kind, tau in self.warm_names
        ]
        rest = np.stack([*warm, *_clocks(life, self.scale, age, self.span_hours)], axis=1)
        return LifeColumns(_load_columns(life, self.scale), rest)


def _load_columns(life: LifeHistory, scale: LoadScale) -> FloatArray:
    """Return the load's columns of a life as `LifeColumns` has them."""
    if not scale.known:
        angle = 2 * np.pi * life.blocks[:, TIME] / DAY_HOURS
        return np.stack([np.sin(angle), np.cos(angle)], axis=1)
    seen = life.blocks[:, LOAD:REQUESTS]
    raw = np.where(np.isnan(seen), scale.centre, seen)
    standard = (raw - scale.centre) / scale.spread
    square = np.clip(standard[:, 1], -3, 3) ** 2
    highest = (np.maximum.accumulate(raw[:, 1]) - scale.centre[1]) / scale.spread[1]
    return np.concatenate([standard, square[:, None], highest[:, None]], axis=1)


def _load_choice(explanations: Explanations, span: float, channel: int) -> list[int]:
    """Return which of the load's columns explain a channel over `span` hours."""
    if not explanations.scale.known:
        return [0, 1] if span >= 1.2 * DAY_HOURS else []
    square = 1 + N_LAGS
    return [*range(1 + square), *((square + 1,) if channel in HIGH_WATER else ())]


def build_design(
    data: ChannelData,
    lives: Sequence[LifeHistory],
    explanations: Explanations,
    config: DetectorConfig,
) -> Design:
    """Return the matrices of a channel's segments; the order of columns is that of `Design`."""
    first = min(float(lives[s.life].blocks[s.rows[0], TIME]) for s in data.segments)
    last = max(float(lives[s.life].blocks[s.rows[-1], TIME]) for s in data.segments)
    choice = _load_choice(explanations, last - first, data.channel)
    n_load, n_warm = len(choice), len(explanations.warm_names)
    matrices = []
    for segment in data.segments:
        columns = explanations.of(segment.life)
        matrix = np.empty((len(segment.rows), 2 + n_load + n_warm + N_CLOCKS))
        matrix[:, 0] = 1.0
        matrix[:, 1 : 1 + n_load] = columns.load[segment.rows[:, None], choice]
        matrix[:, 1 + n_load : -1] = columns.rest[segment.rows]
        matrix[:, -1] = segment.value / data.base
        matrices.append(matrix)
    return Design(
        tuple(matrices),
        n_load,
        n_warm,
        explanations.span_hours,
        explanations.warm_names,
        straight=data.channel in STRAIGHT,
    )


def _request_hours(life: LifeHistory, scale: LoadScale, age: FloatArray) -> FloatArray:
    """Return requests served since start, in hours of mean load; the unseen time before counts at mean load."""
    if not scale.known:
        return age
    seen = life.blocks[:, REQUESTS] / (scale.rate * HOUR)
    return seen + max(float(age[0]) - float(seen[0]), 0.0)


def _clocks(life: LifeHistory, scale: LoadScale, age: FloatArray, span: float) -> list[FloatArray]:
    hours = life.blocks[:, TIME] - life.blocks[0, TIME]
    zero = np.zeros_like(hours)
    requests = life.blocks[:, REQUESTS] / (scale.rate * HOUR) if scale.known else zero
    errors = life.blocks[:, ERRORS] / scale.error_rate if scale.error_rate > 0 else zero
    slowing = np.maximum(age, 0.0) ** DECELERATING_POWER * span ** (1 - DECELERATING_POWER)
    return [hours / span, requests / span, errors / span, (hours / span) ** 2, slowing / span]
