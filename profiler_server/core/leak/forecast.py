"""When the limit will be reached: first passage of resident memory, with what is uncertain about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.leak.channels import CHANNELS
from profiler_server.core.leak.config import DEFAULT_CONFIG, DetectorConfig
from profiler_server.core.leak.history import MID, TIME, LifeHistory
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import HOUR, ServiceWindow

RSS = MID + CHANNELS.index("rss")
ALIVE_BLOCKS = 3
Z90 = 1.2816
RATE_DRIFT = 0.2
"""Relative spread of a leak's future rate about its past one: load grows, and leaks bend."""
PEAK_QUANTILE = 0.9
PEAK_BLOCKS = 96


def forecast_limit(
    window: ServiceWindow,
    lives: Sequence[LifeHistory],
    chosen: ChannelVerdict,
    config: DetectorConfig = DEFAULT_CONFIG,
) -> tuple[float, float, float] | None:
    """Return (p10, p50, p90) in unix seconds at which the first running process reaches the limit; None if it will not.

    Resident memory follows what leaks at a ratio that the runtime sets (a Go heap doubles between collections), so the
    channel's rate is translated by the slope of resident memory on the channel.
    """
    limit = window.memory_limit_bytes
    if limit is None or chosen.rate <= 0:
        return None
    members = {chosen.data.segments[i].life for i in chosen.group.members}
    best: tuple[float, float, float] | None = None
    for index in members:
        life = lives[index]
        stale = window.now - life.read_until > ALIVE_BLOCKS * life.block_seconds
        rss = life.blocks[:, RSS]
        if stale or np.isnan(rss).all():
            continue
        ratio = _pass_through(life, chosen)
        rate = chosen.rate * ratio
        error = float(np.hypot(chosen.rate_error * ratio, RATE_DRIFT * rate))
        left = limit - _peak_level(life, rate)
        times = [left / max(rate + z * error, 0.15 * rate) for z in (Z90, 0.0, -Z90)]
        if best is None or times[1] < best[1]:
            best = (times[0], times[1], times[2])
    if best is None or best[1] > config.forecast_horizon_hours:
        return None
    best = (max(best[0], 0.0), max(best[1], 0.0), max(best[2], 0.0))
    seconds = HOUR / window.time_scale
    return (window.now + best[0] * seconds, window.now + best[1] * seconds, window.now + best[2] * seconds)


def _peak_level(life: LifeHistory, rate: float) -> float:
    """Return the resident memory at the life's busy hours, brought forward to now along the growth.

    A limit is first met at a peak of the load, not at its mean.
    """
    rss, hours = life.blocks[:, RSS], life.blocks[:, TIME]
    brought = rss + rate * (hours[-1] - hours)
    return max(float(np.nanquantile(brought[-PEAK_BLOCKS:], PEAK_QUANTILE)), float(np.nanmedian(rss[-3:])))


def _pass_through(life: LifeHistory, chosen: ChannelVerdict) -> float:
    """Return how many bytes of resident memory a byte of the channel brings, within reason."""
    if chosen.channel in ("rss", "outside", "unmapped"):
        return 1.0
    at = MID + CHANNELS.index(chosen.channel)
    both = life.blocks[:, [at, RSS]]
    both = both[~np.isnan(both).any(axis=1)]
    x = both[:, 0] - both[:, 0].mean()
    if len(both) < 6 or float(x @ x) <= 0:
        return 1.0
    slope = float(x @ (both[:, 1] - both[:, 1].mean())) / float(x @ x)
    return float(np.clip(slope, 1.0, 2.5))
