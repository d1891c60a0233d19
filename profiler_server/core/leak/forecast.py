"""When the limit will be reached: first passage of resident memory, with what is uncertain about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.leak.channels import CHANNELS
from profiler_server.core.leak.config import DEFAULT_CONFIG, DetectorConfig
from profiler_server.core.leak.design import DECELERATING_POWER
from profiler_server.core.leak.history import ERRORS, LOAD, MID, REQUESTS, TIME, LifeHistory
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import HOUR, ServiceWindow

RSS = MID + CHANNELS.index("rss")
ALIVE_BLOCKS = 3
Z90 = 1.2816
RATE_DRIFT = 0.2
"""Relative spread of a leak's future rate about its past one: load grows, and leaks bend."""
LEVEL_QUANTILES = (1.0, 0.9, 0.7)
"""Levels of resident memory, growth taken out, at which a limit may be met early, likely and late."""
LEVEL_BLOCKS = 96
LEAST_RATE = 0.15
TRACING_LANGUAGES = frozenset(
    {"go", "java", "kotlin", "scala", "node", "javascript", "typescript", "dotnet", "c#"}
)
TRACED_RATIO, TRACED_SPREAD = 1.6, 0.35
"""Bytes of resident memory that a live byte brings under a tracing collector, which lets garbage grow along with it."""
USUAL_RATIO, RATIO_SPREAD = 1.2, 0.15
"""The same where memory is freed at once: what an allocator's headers, size classes and holes add."""
MOST_RATIO = 2.5
CLOCK_PARTS = 4
MIN_RATIO_BLOCKS = 8
MOST_ALIKE = 0.97


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
        times = _passages(life, chosen, limit, window)
        if best is None or times[1] < best[1]:
            best = times
    if best is None or best[1] > config.forecast_horizon_hours:
        return None
    best = (max(best[0], 0.0), max(best[1], 0.0), max(best[2], 0.0))
    seconds = HOUR / window.time_scale
    return (window.now + best[0] * seconds, window.now + best[1] * seconds, window.now + best[2] * seconds)


def _passages(
    life: LifeHistory, chosen: ChannelVerdict, limit: float, window: ServiceWindow
) -> tuple[float, float, float]:
    """Return hours until a process meets the limit: soon (10 %), likely, late (90 %).

    What is uncertain: the slope, what a leaked byte costs in resident memory, how much work the future brings, how the
    leak will bend, and whether the limit is met at a peak of the load or at its usual level.
    """
    ratio, ratio_error = _pass_through(life, chosen, window.language.lower())
    rate = chosen.rate * ratio
    spread = np.array(
        [
            chosen.rate_error / chosen.rate,
            ratio_error / ratio,
            _work_error(life, chosen.test.clock),
            RATE_DRIFT,
        ]
    )
    error = float(np.sqrt((spread**2).sum()))
    age = life.hours - life.started_at * window.time_scale / HOUR
    seen = life.observed_hours
    rss, hours = life.blocks[:, RSS], life.hours
    present = _present_rate(chosen, rate, seen, float(age[-1]))
    brought = (rss + present * (hours[-1] - hours))[-LEVEL_BLOCKS:]
    now = float(np.nanmedian(rss[-3:]))
    times = []
    for quantile, z in zip(LEVEL_QUANTILES, (Z90, 0.0, -Z90), strict=True):
        left = limit - max(float(np.nanquantile(brought, quantile)), now)
        sure = rate * max(1.0 + z * error, LEAST_RATE)
        times.append(_passage(chosen, left, sure, (seen, float(age[-1])), bends=z >= 0))
    return times[0], times[1], max(times[2], times[1])


def _present_rate(chosen: ChannelVerdict, rate: float, seen: float, age: float) -> float:
    """Return growth per hour now, where `rate` is the growth per hour of the leak's clock."""
    span = chosen.design.span_hours
    if chosen.test.clock == "accelerating":
        return 2.0 * rate * seen / span
    if chosen.test.clock == "decelerating":
        slowed = (max(age, 1e-3) / span) ** (DECELERATING_POWER - 1.0)
        return DECELERATING_POWER * rate * float(slowed)
    return rate


def _passage(
    chosen: ChannelVerdict, left: float, rate: float, at: tuple[float, float], *, bends: bool
) -> float:
    """Return hours until `left` bytes more are resident; a bend is followed on only where `bends`."""
    seen, age = at
    if left <= 0:
        return 0.0
    present = max(_present_rate(chosen, rate, seen, age), 1e-9)
    clock, span = chosen.test.clock, chosen.design.span_hours
    if clock == "accelerating" and bends:
        growing = 2.0 * rate / span
        return float((np.sqrt(present**2 + 2.0 * growing * left) - present) / growing)
    if clock == "decelerating":
        power = DECELERATING_POWER
        return float((age**power + left / (rate * span ** (1.0 - power))) ** (1.0 / power) - age)
    return left / present


def _work_error(life: LifeHistory, clock: str) -> float:
    """Return the relative error of the mean rate of requests or errors, from how parts of the life differ."""
    column = {"requests": REQUESTS, "errors": ERRORS}.get(clock)
    if column is None or len(life.blocks) < 2 * CLOCK_PARTS:
        return 0.0
    done = life.blocks[:: max(len(life.blocks) // CLOCK_PARTS, 1), column]
    parts = np.diff(done)
    return float(parts.std(ddof=1) / max(float(parts.mean()), 1e-9) / np.sqrt(len(parts)))


def _pass_through(life: LifeHistory, chosen: ChannelVerdict, language: str) -> tuple[float, float]:
    """Return how many bytes of resident memory a byte of the channel brings, with its error.

    Measured as the slopes of both in time, load taken out of both alike, and weighed against what is usual.
    """
    if chosen.channel in ("rss", "outside", "unmapped"):
        return 1.0, 0.0
    at = MID + CHANNELS.index(chosen.channel)
    block = life.blocks[:, [at, RSS, TIME, LOAD, LOAD + 1]]
    block = block[~np.isnan(block[:, :3]).any(axis=1)]
    traced = chosen.channel == "heap" and language in TRACING_LANGUAGES
    usual, spread = (TRACED_RATIO, TRACED_SPREAD) if traced else (USUAL_RATIO, RATIO_SPREAD)
    if len(block) < MIN_RATIO_BLOCKS:
        return usual, spread
    hours = block[:, 2] - block[:, 2].mean()
    columns = [np.ones(len(block)), hours]
    columns += [c - c.mean() for c in block[:, 3:].T if not np.isnan(c).any() and c.std() > 0]
    design = np.stack(columns, axis=1)
    found, *_ = np.linalg.lstsq(design, block[:, 1], rcond=None)
    rest = block[:, 1] - design @ found
    alike = float(np.clip(rest[1:] @ rest[:-1] / max(float(rest @ rest), 1e-300), 0.0, MOST_ALIKE))
    inverse = np.linalg.pinv(design.T @ design)
    variance = float(rest @ rest) / max(len(rest) - design.shape[1], 1) * (1 + alike) / (1 - alike)
    error = float(np.sqrt(max(variance * inverse[1, 1], 0.0))) / chosen.rate
    weight = 1.0 / (1.0 + (error / spread) ** 2)
    ratio = weight * float(found[1]) / chosen.rate + (1.0 - weight) * usual
    return float(np.clip(ratio, 1.0, MOST_RATIO)), spread * float(np.sqrt(1.0 - weight))
