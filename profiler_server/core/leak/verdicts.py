"""Judging one channel: the best group, its odds, and the gates that statistics alone do not give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from profiler_server.core.leak.channels import CHANNELS, MEMORY_CHANNELS
from profiler_server.core.leak.cohort import Group, groups_of
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.design import Design, Explanations, build_design
from profiler_server.core.leak.fit import FloorFit, detrend, fit_floor, outlier_weights
from profiler_server.core.leak.gates import Circumstances, first_gate
from profiler_server.core.leak.growth import (
    Grams,
    GroupTest,
    build_grams,
    logsumexp,
    probe_group,
    screen_segments,
)
from profiler_server.core.leak.history import MID, TIME, LifeHistory
from profiler_server.core.leak.medians import median, present_median
from profiler_server.core.leak.segments import RSS, ChannelData, build_channel, cut_steps
from profiler_server.core.leak.window import HOUR, FloatArray

REPEATED_LIVES = 3
MEMORY = frozenset(CHANNELS.index(name) for name in MEMORY_CHANNELS)


@dataclass(frozen=True)
class ChannelVerdict:
    """What one channel says. Rates are raw units per hour of the detector's clock.

    `held_by` names the gate that holds a finding back (None: none does); `held_if_confirmed` the one that would, if
    call sites had confirmed the growth; `confirmed` whether they have. `pressing`: the memory limit is hours away.
    """

    channel: str
    data: ChannelData
    design: Design
    hours: tuple[FloatArray, ...]
    weights: tuple[FloatArray, ...]
    group: Group
    test: GroupTest
    fit: FloorFit
    log_odds: float
    rate: float
    rate_error: float
    growth_share: float
    age_hours: float
    held_by: str | None
    held_if_confirmed: str | None = None
    confirmed: bool = False
    pressing: bool = False


def judge_channel(
    name: str,
    channel: int,
    lives: Sequence[LifeHistory],
    explanations: Explanations,
    *,
    clock_scale: float,
    young_hours: float,
    primary: bool,
    limit_bytes: float | None,
    config: DetectorConfig,
) -> ChannelVerdict | None:
    """Return the verdict on one channel of a service, None where there is too little of it."""
    data = build_channel(lives, channel, config=config, clock_scale=clock_scale)
    if data is None:
        return None
    design, hours, weights = _prepare(data, lives, explanations, config)
    detrended = detrend(design, hours, weights, correlation_hours=design.span_hours / 4)
    cut = cut_steps(data, detrended, lives)
    if cut.segments is not data.segments:
        design, hours, weights = _prepare(cut, lives, explanations, config)
    data = cut
    grams = build_grams(design, hours, weights, config)
    groups = _screened(groups_of(data, lives, clock_scale), grams, design, config)
    if not groups:
        if not primary:
            return None
        groups = groups_of(data, lives, clock_scale)[:1]
    group, test, others = _best_group(groups, design, grams, config)
    fit = _fit(design, hours, weights, group, test)
    fresh = outlier_weights(fit, weights)
    if fresh is not None:
        weights = fresh
        grams = build_grams(design, hours, weights, config)
        again = probe_group(group, grams, design, config)
        test = replace(again, log_warm=again.log_warm + others)
        fit = _fit(design, hours, weights, group, test)
    log_odds = test.log_odds + math.log(group.prior)
    rate = test.slope * data.base / design.span_hours
    error = test.slope_error * data.base / design.span_hours
    verdict = ChannelVerdict(
        name, data, design, hours, tuple(weights), group, test, fit, log_odds, rate, error,
        _growth_share(fit, group, data, lives), _age(data, lives, group, clock_scale), None,
    )  # fmt: skip
    around = Circumstances(lives, young_hours, clock_scale, limit_bytes, lesser_native=not primary)
    verdict = replace(verdict, pressing=around.presses(verdict, config))
    held = [first_gate(verdict, around, config, confirmed=confirmed) for confirmed in (False, True)]
    return replace(verdict, held_by=held[0], held_if_confirmed=held[1])


def _prepare(
    data: ChannelData,
    lives: Sequence[LifeHistory],
    explanations: Explanations,
    config: DetectorConfig,
) -> tuple[Design, tuple[FloatArray, ...], list[FloatArray]]:
    design = build_design(data, lives, explanations, config)
    hours = tuple(lives[s.life].blocks[s.rows, TIME] for s in data.segments)
    return design, hours, [np.ones(len(h)) for h in hours]


def _screened(groups: Sequence[Group], grams: Grams, design: Design, config: DetectorConfig) -> list[Group]:
    """Return the groups whose segments climb together by enough standard errors."""
    z = screen_segments(grams, design)
    return [g for g in groups if z[list(g.members)].sum() >= config.screen_sigmas * math.sqrt(len(g.members))]


def _best_group(
    groups: Sequence[Group], design: Design, grams: Grams, config: DetectorConfig
) -> tuple[Group, GroupTest, float]:
    """Return the group whose leak explains best, and by how much the warm-ups of all groups outdo those of its own.

    A leak of one group has to beat the warm-ups of every group: a release that fills a cache is no leak of the service.
    """
    tested = [(g, probe_group(g, grams, design, config)) for g in groups]
    belief = math.log(sum(g.prior for g in groups))
    warm = float(logsumexp(np.array([t.log_warm + math.log(g.prior) - belief for g, t in tested])))
    group, test = max(tested, key=lambda pair: pair[1].log_leak + math.log(pair[0].prior))
    return group, replace(test, log_warm=warm), warm - test.log_warm


def _fit(
    design: Design, hours: Sequence[FloatArray], weights: Sequence[FloatArray], group: Group, test: GroupTest
) -> FloorFit:
    return fit_floor(
        design,
        hours,
        weights,
        members=group.members,
        clock=test.clock,
        correlation_hours=min(test.correlation_hours, design.span_hours),
    )


def _growth_share(fit: FloorFit, group: Group, data: ChannelData, lives: Sequence[LifeHistory]) -> float:
    """Return how much the group's floor has grown, load taken out, over the resident memory that it began with."""
    ends: dict[int, list[FloatArray]] = {}
    for i in group.members:
        ends.setdefault(data.segments[i].life, []).append(fit.steady[i])
    shares = [0.0]
    for index, parts in ends.items():
        first, last = parts[0], parts[-1]
        begin = median(first[: max(len(first) // 8, 1)])
        grown = (median(last[-max(len(last) // 8, 1) :]) - begin) * data.base
        at = RSS if data.channel in MEMORY else data.channel
        whole = lives[index].blocks[:, MID + at]
        began = present_median(whole[: max(len(whole) // 8, 1)]) if not np.isnan(whole[0]) else data.base
        shares.append(grown / max(began, 0.05 * data.base))
    return max(shares)


def _age(data: ChannelData, lives: Sequence[LifeHistory], group: Group, clock_scale: float) -> float:
    """Return the age of the group's oldest life; where one replica lived three times and more, all its lives' time."""
    ages: dict[str, dict[int, float]] = {}
    for i in group.members:
        index = data.segments[i].life
        life = lives[index]
        age = float(life.blocks[-1, TIME]) - life.started_at * clock_scale / HOUR
        ages.setdefault(life.instance, {})[index] = age
    series = [
        sum(found.values()) if len(found) >= REPEATED_LIVES else max(found.values())
        for found in ages.values()
    ]
    return max(series)
