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
        error = chosen.rate_error * ratio + 0.1 * rate
        here = float(np.nanmedian(rss[-3:]))
        left = limit - here
        times = [left / max(rate + z * error, 0.15 * rate) for z in (Z90, 0.0, -Z90)]
        if best is None or times[1] < best[1]:
            best = (times[0], times[1], times[2])
    if best is None or best[1] > config.forecast_horizon_hours or best[1] < 0:
        return None
    seconds = HOUR / window.time_scale
    return (window.now + best[0] * seconds, window.now + best[1] * seconds, window.now + best[2] * seconds)


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


def hours_of(life: LifeHistory) -> np.ndarray:  # type: ignore[type-arg]
    """Return block times in hours."""
    return life.blocks[:, TIME]
