"""Whether a leak is over: the processes that run now are watched by themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.fit import without_load
from profiler_server.core.leak.history import LifeHistory
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import FloatArray, ServiceWindow

ALIVE_BLOCKS = 3.0
MIN_CALM_BLOCKS = 12
SURE = 1.645
LATE_SHARE = 0.4
MOST_ALIKE = 0.97


def alive_lives(lives: Sequence[LifeHistory], window: ServiceWindow) -> list[LifeHistory]:
    """Return the process lives that have reported lately."""
    return [life for life in lives if window.now - life.read_until <= ALIVE_BLOCKS * life.block_seconds]


def late_part(life: LifeHistory) -> LifeHistory:
    """Return a life without its first blocks: what has been calm."""
    keep = max(int(len(life.blocks) * LATE_SHARE), MIN_CALM_BLOCKS)
    return replace(life, blocks=life.blocks[-keep:])


def is_calm(
    verdict: ChannelVerdict,
    lives: Sequence[LifeHistory],
    window: ServiceWindow,
    config: DetectorConfig,
    *,
    rate: float,
    detected_at: float | None,
) -> bool:
    """Whether all that runs now surely grows by less than `config.calm_share` of `rate` (units per hour).

    A process that leaked before and stopped is judged by its last part; one that started since by all of its life. The
    load is fitted anew with a rate of their own for the processes that have ended, lest it make up for growth that
    there is not.
    """
    alive = {id(life) for life in alive_lives(lives, window)}
    members = [i for i, s in enumerate(verdict.data.segments) if id(lives[s.life]) in alive]
    members = [i for i in members if len(verdict.hours[i]) >= MIN_CALM_BLOCKS]
    if not members or rate <= 0:
        return False
    floors = _without_load(verdict, alive, lives)
    for i in members:
        hours, steady = verdict.hours[i], floors[i] * verdict.data.base
        life = lives[verdict.data.segments[i].life]
        leaked_itself = detected_at is not None and life.first_ts < detected_at
        if leaked_itself:
            # A process that leaked is believed to have stopped only after a whole day of load.
            late = hours >= hours[-1] - config.calm_hours
            if hours[-1] - hours[0] < 2 * config.calm_hours:
                return False
            hours, steady = hours[late], steady[late]
        slope, error = slope_of(hours, steady)
        if slope + SURE * error >= config.calm_share * rate:
            return False
    return True


def _without_load(
    verdict: ChannelVerdict, alive: Collection[int], lives: Sequence[LifeHistory]
) -> tuple[FloatArray, ...]:
    """Return each segment's floor (shares of the base) with load taken out; those that are over grow apart."""
    ended = [i for i, s in enumerate(verdict.data.segments) if id(lives[s.life]) not in alive]
    if not ended:
        return verdict.fit.steady
    hours = min(verdict.test.correlation_hours, verdict.design.span_hours)
    return without_load(
        verdict.design,
        verdict.hours,
        verdict.weights,
        members=ended,
        clock=verdict.test.clock,
        correlation_hours=hours,
    )


def slope_of(hours: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Return slope per hour and its error by least squares, the error widened for alike neighbours (Bartlett 1946)."""
    x = hours - hours.mean()
    spread = float(x @ x)
    slope = float(x @ values) / spread
    rest = values - values.mean() - slope * x
    variance = float(rest @ rest) / max(len(rest) - 2, 1)
    alike = float(np.clip(rest[1:] @ rest[:-1] / max(float(rest @ rest), 1e-300), 0.0, MOST_ALIKE))
    return slope, float(np.sqrt(variance / spread * (1 + alike) / (1 - alike)))
