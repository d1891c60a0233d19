"""Whether a leak is over: the processes that run now are watched by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.fit import fit_floor
from profiler_server.core.leak.history import LifeHistory
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import ServiceWindow

ALIVE_BLOCKS = 3.0
MIN_CALM_BLOCKS = 8
SURE = 1.645
LATE_SHARE = 0.4


def alive_lives(lives: Sequence[LifeHistory], window: ServiceWindow) -> list[LifeHistory]:
    """Return the process lives that have reported lately."""
    return [life for life in lives if window.now - life.read_until <= ALIVE_BLOCKS * life.block_seconds]


def late_part(life: LifeHistory) -> LifeHistory:
    """Return a life without its first blocks: what has been calm."""
    keep = max(int(len(life.blocks) * LATE_SHARE), MIN_CALM_BLOCKS)
    return replace(life, blocks=life.blocks[-keep:])


def is_calm(
    verdict: ChannelVerdict, rate: float, lives: Sequence[LifeHistory], window: ServiceWindow, config: DetectorConfig
) -> bool:
    """Whether all that runs now surely grows by less than `config.calm_share` of `rate` (units per hour).

    A process that leaked before and stopped is judged by its last part; one that started since by all of its life.
    """
    alive = {id(life) for life in alive_lives(lives, window)}
    members = [i for i, s in enumerate(verdict.data.segments) if id(lives[s.life]) in alive]
    members = [i for i in members if len(verdict.hours[i]) >= MIN_CALM_BLOCKS]
    if not members or rate <= 0:
        return False
    unit = verdict.data.base / verdict.design.span_hours
    for i in members:
        fit = fit_floor(
            verdict.design,
            verdict.hours,
            verdict.weights,
            members=(i,),
            clock="time",
            correlation_hours=min(verdict.test.correlation_hours, verdict.design.span_hours),
        )
        slope, error = fit.slope * unit, fit.slope_error * unit
        late, late_error = fit.late_ratio * slope, fit.late_error * slope
        whole = slope + SURE * error < config.calm_share * rate
        ended = slope > 0 and late + 2 * SURE * late_error < config.calm_share * rate
        if not (whole or ended):
            return False
    return True
