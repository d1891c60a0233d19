"""What statistics alone do not give: gates between long odds and a finding, each with the reason it stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from profiler_server.core.leak.channels import CHANNELS, RESOURCE_CHANNELS
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.design import clock_column
from profiler_server.core.leak.history import MID, TIME, LifeHistory
from profiler_server.core.leak.medians import median, quantile, row_medians
from profiler_server.core.leak.window import HOUR, FloatArray

if TYPE_CHECKING:
    from profiler_server.core.leak.verdicts import ChannelVerdict

DAY_HOURS = 24.0
REFILL_MARGIN = 1.01
NEAR_LIMIT = 0.8
FRESH_HOURS = 1.0
SURE = 1.2
MIN_FALL_BLOCKS = 12
LEAST_FALL = 0.02
FALL_SIGMAS = 5.0
LOW_QUANTILE = 0.15
ONSET_HEIGHT = 0.1
ONSET_SHARE = 0.15
"""A straight climb reaches a tenth of its height after a tenth of its time."""
MANY_FALLS = 2
RSS = CHANNELS.index("rss")


@dataclass(frozen=True)
class Circumstances:
    """What the gates look at beside the verdict: the lives, the patience with the young, the memory limit."""

    lives: Sequence[LifeHistory]
    young_hours: float
    clock_scale: float
    limit_bytes: float | None
    lesser_native: bool = False

    def age(self, index: int) -> float:
        """Return the age of a process life in hours."""
        life = self.lives[index]
        return float(life.blocks[-1, TIME]) - life.started_at * self.clock_scale / HOUR

    def resident(self) -> float:
        """Return the most resident memory that a process that still reports holds, in bytes."""
        now = max(float(life.blocks[-1, TIME]) for life in self.lives)
        running = [life for life in self.lives if now - float(life.blocks[-1, TIME]) < FRESH_HOURS]
        held = [float(life.blocks[-1, MID + RSS]) for life in running]
        return max((bytes_ for bytes_ in held if not math.isnan(bytes_)), default=0.0)

    def near_limit(self) -> bool:
        """Whether any process stands close below its limit: no time to wait for it to level off."""
        return self.limit_bytes is not None and self.resident() > NEAR_LIMIT * self.limit_bytes

    def presses(self, v: ChannelVerdict, config: DetectorConfig) -> bool:
        """Whether a process that is no longer young stands close below its limit and will be there within hours."""
        if self.limit_bytes is None or v.channel in RESOURCE_CHANNELS or v.age_hours < self.young_hours:
            return False
        left = self.limit_bytes - self.resident()
        return self.near_limit() and left <= config.limit_horizon_hours * v.rate


def first_gate(
    v: ChannelVerdict, around: Circumstances, config: DetectorConfig, *, confirmed: bool
) -> str | None:
    """Return the first gate that holds this verdict back, None if it may become a finding.

    `confirmed`: call sites have been seen to grow by themselves, so that less is asked of the floor.
    """
    if not _enough_evidence(v, around, config, confirmed=confirmed):
        return "evidence"
    least = config.min_resource_growth if v.channel in RESOURCE_CHANNELS else config.min_growth_share
    if v.channel in ("outside", "unmapped") or (v.channel == "native" and around.lesser_native):
        least = config.min_lesser_growth
    per_day = v.test.slope / v.design.span_hours * DAY_HOURS
    if min(v.test.slope, v.growth_share) < least or per_day < config.min_growth_share_per_day:
        return "effect"
    return _shape_gate(v, around, config, confirmed=confirmed) or _age_gate(v, around, config)


def _enough_evidence(
    v: ChannelVerdict, around: Circumstances, config: DetectorConfig, *, confirmed: bool
) -> bool:
    if sum(len(h) for h in v.hours) < config.min_rows or v.rate <= 0:
        return False
    if v.pressing:
        return v.log_odds >= config.log_odds_pressing
    if confirmed:
        wanted, share = config.log_odds_confirmed, config.confirmed_misfit_tax
    else:
        usual = v.test.clock in ("time", "requests")
        wanted = config.log_odds_leak + (0.0 if usual else config.log_odds_unusual)
        share = config.bent_misfit_tax if v.design.straight else config.misfit_tax
    # Close below the limit it matters little whether it would have levelled off beyond it; the young may do so before.
    pressing = around.near_limit() and v.age_hours >= around.young_hours
    tax = 0.0 if pressing else share * max(v.test.warm_gain, 0.0)
    return v.log_odds >= wanted and v.test.log_leak - v.test.log_warm >= wanted + tax


def _shape_gate(
    v: ChannelVerdict, around: Circumstances, config: DetectorConfig, *, confirmed: bool
) -> str | None:
    """Ask that it climbs now as it climbed before, and has given nothing back."""
    unsure = v.fit.late_ratio < SURE * v.fit.late_error and not confirmed
    if v.fit.late_ratio + v.fit.late_error < config.late_slope_ratio or unsure:
        return "late slope"
    if v.fit.late_ratio - v.fit.late_error > config.burst_ratio:
        return "burst"
    early_error = -v.fit.early_error if v.test.clock == "accelerating" else v.fit.early_error
    if v.fit.early_ratio + early_error < config.early_slope_ratio:
        return "early slope"
    if _only_remains(v, around, config):
        return "remains"
    return "gives back" if _gives_back(v, config) or _falls(v, config) else None


def _age_gate(v: ChannelVerdict, around: Circumstances, config: DetectorConfig) -> str | None:
    """Ask that the process is past the age at which caches and sessions fill, unless its limit is near."""
    if _refilling(v, around):
        return "refilling"
    if _begun_lately(v, around, config) and not around.near_limit():
        return "lately"
    if around.near_limit() and v.channel not in RESOURCE_CHANNELS:
        return None
    doubled = v.growth_share >= config.young_growth and v.age_hours >= 0.5 * around.young_hours
    alone = v.group.kind == "replica"  # its siblings live through the same hours
    if v.design.n_load == 0 and not doubled and not alone:
        return "first day"
    patience = around.young_hours * (config.compared_patience if v.group.compared else 1.0)
    return "young" if v.age_hours < patience and not doubled else None


def _begun_lately(v: ChannelVerdict, around: Circumstances, config: DetectorConfig) -> bool:
    """Whether the beginning of the growth was seen, in processes too old to have grown so all along, not long ago."""
    for index, members in _by_life(v).items():
        hours = np.concatenate([v.hours[i] for i in members])
        as_old = v.rate * around.age(index) <= float(v.data.segments[members[-1]].value[-1])
        onset = _onset(hours, np.concatenate([v.fit.steady[i] for i in members]))
        seen = float(hours[-1] - hours[0])
        if as_old or onset <= ONSET_SHARE * seen or seen - onset >= config.lately_hours:
            return False
    return True


def _onset(hours: FloatArray, steady: FloatArray) -> float:
    """Return for how long a floor stayed within a tenth of its growth before it climbed."""
    part = max(len(steady) // 10, 2)
    low, high = median(steady[:part]), median(steady[-part:])
    below = np.flatnonzero(steady <= low + ONSET_HEIGHT * (high - low))
    return float(hours[below[-1]] - hours[0]) if len(below) else 0.0


def _only_remains(v: ChannelVerdict, around: Circumstances, config: DetectorConfig) -> bool:
    """Whether what is left to leak is little beside the warm-up that the same blocks show."""
    if v.test.warm_gain <= 0 or v.test.warm_share <= 0:
        return False
    claimed = shown = 0.0
    for i in v.group.members:
        born = around.lives[v.data.segments[i].life].started_at * around.clock_scale / HOUR
        begin, end = float(v.hours[i][0]), float(v.hours[i][-1])
        tau = v.test.warm_hours
        claimed += v.test.slope * (end - begin) / v.design.span_hours
        shown += v.test.warm_share * (
            math.exp(-max(begin - born, 0.0) / tau) - math.exp(-max(end - born, 0.0) / tau)
        )
    return claimed < config.remains_ratio * shown


def _by_life(v: ChannelVerdict) -> dict[int, list[int]]:
    """Return the group's segments by process life."""
    parts: dict[int, list[int]] = {}
    for i in v.group.members:
        parts.setdefault(v.data.segments[i].life, []).append(i)
    return parts


def _gives_back(v: ChannelVerdict, config: DetectorConfig) -> bool:
    """Whether what grew came back: batch jobs, bursts and walks fall again, a leak never does."""
    claimed = held = 0.0
    at = clock_column(v.design, v.test.clock)
    for members in _by_life(v).values():
        steady = np.concatenate([v.fit.steady[i] for i in members])
        clock = np.concatenate([v.design.matrices[i][:, at] for i in members])
        third = len(steady) // 3
        if third < 2:
            continue
        # Lows against lows: noise that load leaves unexplained is no giving back.
        kept = quantile(steady[-third:], LOW_QUANTILE) - quantile(steady[:third], LOW_QUANTILE)
        weight = float(clock[-1] - clock[0])
        held += weight * kept
        claimed += weight * v.fit.slope * float(clock[-third:].mean() - clock[:third].mean())
    return claimed > 0 and held < config.give_back_ratio * claimed


def _falls(v: ChannelVerdict, config: DetectorConfig) -> bool:
    """Whether a process has once lost most of what it is said to have gained: the deepest fall of three blocks.

    Falls so sharp that the floor was cut at them count by themselves.
    """
    if v.data.steps_down >= MANY_FALLS:
        return True
    at = clock_column(v.design, v.test.clock)
    for i in v.group.members:
        steady, clock = v.fit.steady[i], v.design.matrices[i][:, at]
        if len(steady) < MIN_FALL_BLOCKS:
            continue
        smooth = row_medians(np.lib.stride_tricks.sliding_window_view(steady, 3))
        fall = float((np.maximum.accumulate(smooth) - smooth).max())
        claimed = v.fit.slope * float(clock[-1] - clock[0])
        rest = steady - v.fit.slope * clock
        noise = FALL_SIGMAS * 1.4826 * median(np.abs(rest - median(rest)))
        if claimed > 0 and fall > max(config.fall_ratio * claimed, LEAST_FALL, noise):
            return True
    return False


def _refilling(v: ChannelVerdict, around: Circumstances) -> bool:
    """Whether a young process only fills up to where its elders stand."""
    members = {v.data.segments[i].life for i in v.group.members}
    if any(around.age(index) >= 3 * around.young_hours for index in members):
        return False
    elders, young = [], []
    for i, segment in enumerate(v.data.segments):
        life = around.lives[segment.life]
        first_age = float(v.hours[i][0]) - life.started_at * around.clock_scale / HOUR
        if segment.life not in members and first_age >= 0.5 * around.young_hours:
            elders.append(quantile(v.fit.steady[i], 0.2))
        elif i in v.group.members:
            young.append(median(v.fit.steady[i][-3:]))
    return bool(elders and young) and max(young) < REFILL_MARGIN * max(elders)
