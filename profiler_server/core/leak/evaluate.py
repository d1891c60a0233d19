"""One evaluation of one service: take in what is new, judge every part of its memory, say what it means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from profiler_server.core.leak.attribute import Attribution, attribute, sites_confirm
from profiler_server.core.leak.blame import guilty_release
from profiler_server.core.leak.channels import CHANNELS, RESOURCE_CHANNELS
from profiler_server.core.leak.cohort import newest_release
from profiler_server.core.leak.config import DEFAULT_CONFIG, DetectorConfig
from profiler_server.core.leak.design import Explanations, scale_load
from profiler_server.core.leak.diagnose import HELD_SHARE, diagnose_healthy, diagnose_leak
from profiler_server.core.leak.discovery import log_e_value, wanted_log_e
from profiler_server.core.leak.forecast import forecast_limit
from profiler_server.core.leak.history import MID, REQUESTS, Clock, LifeHistory, absorb, begin_life, life_key
from profiler_server.core.leak.model import HOUR, Evaluation, LeakState, ServiceWindow
from profiler_server.core.leak.recovery import alive_lives, is_calm, late_part
from profiler_server.core.leak.report import (
    HELD_BY_RUN,
    abstain,
    evidence_of,
    healthy_sentence,
    leak_sentence,
    without_finding,
)
from profiler_server.core.leak.verdicts import ChannelVerdict, judge_channel

HEAP_FASTER = 0.7
PRIMARY = ("heap", "native", "rss")


def evaluate(window: ServiceWindow, state: LeakState, config: DetectorConfig = DEFAULT_CONFIG) -> Evaluation:
    """Return the verdict on a service at `window.now`, from points up to then only; `state` is not changed.

    Points that the state has already taken in may be left out of the window (see `LeakState.read_from`). Between two
    full evaluations, which come as the history grows by `config.cadence_share`, the last verdict is repeated.
    """
    clock = Clock(window.time_scale, window.interval_seconds)
    now_hours = float(clock.hours(window.now))
    fresh = replace(state, lives=dict(state.lives))
    if state.last is not None and not _due(window, state, config):
        return replace(state.last, state=fresh)
    _absorb_all(window, fresh, clock, config)
    fresh.evaluated_at = window.now
    lives = _usable(fresh, now_hours, window, config)
    result = _judge(window, fresh, lives, config) if lives else abstain(window, fresh, config)
    fresh.last = replace(result, state=LeakState())
    return replace(result, state=fresh)


def _due(window: ServiceWindow, state: LeakState, config: DetectorConfig) -> bool:
    """Whether enough has happened since the last full evaluation to look again."""
    if state.evaluated_at is None or (window.sites and state.last is not None and _unnamed(state.last)):
        return True
    passed = (window.now - state.evaluated_at) * window.time_scale / HOUR
    block = window.interval_seconds * config.points_per_block * window.time_scale / HOUR
    youngest = min((life.observed_hours for life in state.lives.values()), default=0.0)
    newest = max((s.started_at for s in window.instances), default=0.0)
    if newest > state.evaluated_at - 1e-9:
        youngest = 0.0
    under_suspicion = state.suspected_at is not None and state.detected_at is None
    patience = config.suspect_cadence if under_suspicion else 1.0
    return passed >= min(
        max(block, patience * config.cadence_share * youngest), patience * config.max_cadence_hours
    )


def _unnamed(last: Evaluation) -> bool:
    """Whether the last verdict was a leak in want of call sites."""
    evidence = last.evidence
    return last.verdict == "leak" and not last.suspects and evidence is not None and evidence.sites is None


def _absorb_all(window: ServiceWindow, state: LeakState, clock: Clock, config: DetectorConfig) -> None:
    for series in window.instances:
        if len(series.ts) == 0:
            continue
        if state.ignore_before is not None and float(series.ts[-1]) <= state.ignore_before:
            continue
        key = life_key(series.instance, series.started_at)
        life = state.lives.get(key)
        if life is not None and life.version != series.version:
            # The same process under another release (a switch was flipped): a life of its own.
            key = f"{key}#{series.version}"
            life = state.lives.get(key)
        if life is None:
            life = begin_life(series, window.interval_seconds, config)
        else:
            life = replace(life, carry=list(life.carry))
        absorb(life, series, window.now, clock, config)
        state.lives[key] = life
    oldest = window.now - config.history_hours * HOUR / window.time_scale
    kept = {k: v for k, v in state.lives.items() if v.read_until >= oldest}
    if len(kept) > config.max_lives:
        order = sorted(kept, key=lambda k: (kept[k].read_until, kept[k].observed_hours))
        kept = {k: kept[k] for k in order[-config.max_lives :]}
    state.lives = kept


def _usable(
    state: LeakState, now_hours: float, window: ServiceWindow, config: DetectorConfig
) -> list[LifeHistory]:
    """Return the lives with enough blocks, or nothing if none was seen long and densely enough."""
    lives = [life for life in state.lives.values() if len(life.blocks) >= config.min_blocks]
    long_enough = False
    for life in lives:
        points = float(life.blocks[:, 1].sum())
        expected = (life.read_until - life.first_ts) / window.interval_seconds + 1
        seen = life.observed_hours + life.block_seconds * window.time_scale / HOUR
        long_enough |= seen >= config.min_hours and points >= config.min_coverage * expected
    return lives if long_enough else []


def _judge(
    window: ServiceWindow, state: LeakState, lives: Sequence[LifeHistory], config: DetectorConfig
) -> Evaluation:
    verdicts = _channel_verdicts(window, lives, config)
    verdicts = [_expected(_confirmed(v, window, lives, config), state, config) for v in verdicts]
    state.odds = {v.channel: v.log_odds for v in verdicts if math.isfinite(v.log_odds)}
    leaking = [v for v in verdicts if v.held_by is None]
    suspects = [v for v in verdicts if v.rate > 0 and v.log_odds > config.log_odds_suspect]
    if suspects and state.suspected_at is None:
        state.suspected_at = window.now
    if not suspects and state.detected_at is None:
        state.suspected_at = None
    if state.detected_at is not None:
        return _follow(window, state, lives, verdicts, config)
    state.log_e = log_e_value(leaking, verdicts[0].channel, config) if leaking else None
    if leaking and not any(v.pressing for v in leaking) and not _is_discovery(window, state, config):
        verdicts = [replace(v, held_by="run") if v.held_by is None else v for v in verdicts]
        leaking = []
    if not leaking:
        return _healthy(window, state, lives, verdicts, config)
    chosen = _spokesman(leaking[0], verdicts)
    state.detected_at = window.now
    state.version = newest_release([lives[chosen.data.segments[i].life] for i in chosen.group.members])
    _remember(state, chosen)
    return _leak(window, state, lives, verdicts, chosen=chosen, config=config)


def _is_discovery(window: ServiceWindow, state: LeakState, config: DetectorConfig) -> bool:
    """Whether the evidence suffices among all services that were looked at."""
    wanted = window.log_e_wanted
    if wanted is None:
        wanted = wanted_log_e((), 1, config.service_false_discovery_rate)
    return state.log_e is not None and state.log_e >= wanted


def _spokesman(chosen: ChannelVerdict, verdicts: Sequence[ChannelVerdict]) -> ChannelVerdict:
    """Return the managed heap's verdict where it grows with, and at least as fast as, what was sure first."""
    heap = verdicts[0]
    if heap.channel != "heap" or heap.log_odds <= 0:
        return chosen
    if chosen.channel in RESOURCE_CHANNELS:
        return heap if heap.growth_share > HELD_SHARE else chosen
    beside = chosen.channel in ("native", "outside", "unmapped")
    return heap if beside and heap.rate > HEAP_FASTER * chosen.rate else chosen


def _confirmed(
    verdict: ChannelVerdict, window: ServiceWindow, lives: Sequence[LifeHistory], config: DetectorConfig
) -> ChannelVerdict:
    """Let call sites speak for growth that the floor alone leaves open."""
    open_question = verdict.held_by is not None and verdict.held_if_confirmed is None
    if verdict.channel not in PRIMARY or not window.sites or not open_question:
        return verdict
    if not sites_confirm(window, verdict.rate, _members(verdict, lives), config):
        return verdict
    return replace(verdict, held_by=None, confirmed=True)


def _expected(verdict: ChannelVerdict, state: LeakState, config: DetectorConfig) -> ChannelVerdict:
    """Hold a finding back where the last evaluation saw nothing of it, or both together too little: bursts leap."""
    if verdict.held_by is not None or state.odds is None:
        return verdict
    before = state.odds.get(verdict.channel, -math.inf)
    urgent = verdict.confirmed or verdict.pressing
    borne_out = urgent or before + verdict.log_odds >= 2 * config.log_odds_leak
    return verdict if before > config.log_odds_suspect and borne_out else replace(verdict, held_by="leap")


def _members(chosen: ChannelVerdict, lives: Sequence[LifeHistory]) -> list[tuple[str, float]]:
    """Return (instance, start) of the process lives of a verdict's group."""
    members = [lives[chosen.data.segments[i].life] for i in chosen.group.members]
    return [(member.instance, member.started_at) for member in members]


def _remember(state: LeakState, chosen: ChannelVerdict) -> None:
    """Keep what the open finding rests on; calm is measured against the growth last seen with certainty."""
    state.channel, state.rate = chosen.channel, chosen.rate


def _follow(
    window: ServiceWindow,
    state: LeakState,
    lives: Sequence[LifeHistory],
    verdicts: Sequence[ChannelVerdict],
    config: DetectorConfig,
) -> Evaluation:
    """Go on with an open finding: still growing, or over."""
    same = [v for v in verdicts if v.channel == state.channel]
    growing = [v for v in same if v.held_by is None]
    if growing:
        _remember(state, growing[0])
    if same and not is_calm(same[0], lives, window, config, rate=state.rate, detected_at=state.detected_at):
        state.calm = 0
        return _leak(window, state, lives, verdicts, chosen=same[0], config=config)
    state.calm += 1
    if state.calm < config.calm_evaluations and state.last is not None:
        return replace(state.last, state=state)
    if not same and state.last is not None and state.calm < 2 * config.calm_evaluations:
        return replace(state.last, state=state)
    return _resolve(window, state, lives, verdicts, config)


def _resolve(
    window: ServiceWindow,
    state: LeakState,
    lives: Sequence[LifeHistory],
    verdicts: Sequence[ChannelVerdict],
    config: DetectorConfig,
) -> Evaluation:
    """Close the open finding; what had leaked is forgotten, so that it cannot raise the next one."""
    alive = alive_lives(lives, window)
    versions = {life.version for life in alive}
    cure = versions.pop() if len(versions) == 1 else None
    cured_by = cure if cure is not None and cure != state.version else None
    kept = {life_key(life.instance, life.started_at): late_part(life) for life in alive}
    was = state.last
    state.lives, state.detected_at, state.suspected_at = kept, None, None
    state.channel, state.rate, state.calm, state.diagnosis = None, 0.0, 0, None
    state.log_e = None
    running = {id(life) for life in alive}
    state.ignore_before = max((life.read_until for life in lives if id(life) not in running), default=None)
    healthy = _healthy(window, state, lives, verdicts, config)
    by = f" Release {cured_by} cured it." if cured_by else ""
    return replace(
        healthy,
        resolved_at=window.now,
        cured_by_version=cured_by,
        version=was.version if was else None,
        sentence=f"Over: memory has stopped growing.{by}",
    )


def _channel_verdicts(
    window: ServiceWindow, lives: Sequence[LifeHistory], config: DetectorConfig
) -> list[ChannelVerdict]:
    """Return verdicts in order of trust: the managed heap, then what malloc gave, then the rest, then resources."""
    explanations = Explanations(lives, scale_load(lives), clock_scale=window.time_scale, config=config)
    found: list[ChannelVerdict] = []
    for name in ("heap", "native", "outside", "unmapped", "rss", *RESOURCE_CHANNELS):
        if name == "rss" and any(v.channel in ("heap", "native") for v in found):
            continue
        if found and not _climbs(lives, name, config):
            continue
        if name == "unmapped" and not any(v.channel == "outside" and v.log_odds > 0 for v in found):
            continue
        patient = name in ("outside", "unmapped") or (name == "native" and bool(found))
        young = config.native_young_hours if patient else config.young_hours
        verdict = judge_channel(
            name,
            CHANNELS.index(name),
            lives,
            explanations,
            clock_scale=window.time_scale,
            young_hours=young,
            primary=not found,
            limit_bytes=window.memory_limit_bytes,
            config=config,
        )
        if verdict is not None:
            found.append(verdict)
    return found


def _climbs(lives: Sequence[LifeHistory], name: str, config: DetectorConfig) -> bool:
    """Whether any life ends higher than it began by enough to be worth testing; cheap, for the lesser channels."""
    share = config.min_resource_growth if name in RESOURCE_CHANNELS else config.min_growth_share
    for life in lives:
        values = life.blocks[:, MID + CHANNELS.index(name)]
        k = max(len(values) // 4, 1)
        begin, end = values[k : 2 * k], values[-k:]
        level = abs(float(values[len(values) // 2]))
        if float(end.mean() - begin.mean()) > share * level or math.isnan(level):
            return True
    return False


def _healthy(
    window: ServiceWindow,
    state: LeakState,
    lives: Sequence[LifeHistory],
    verdicts: Sequence[ChannelVerdict],
    config: DetectorConfig,
) -> Evaluation:
    if not verdicts:
        return abstain(window, state, config)
    diagnosis = diagnose_healthy(verdicts, lives, window.language.lower())
    evidence = evidence_of(verdicts[0], lives, window, verdicts, config)
    is_held = any(v.held_by == "run" for v in verdicts)
    sentence = HELD_BY_RUN if is_held else healthy_sentence(diagnosis, window, evidence)
    return without_finding("healthy", diagnosis, sentence, evidence=evidence, state=state)


def _began(chosen: ChannelVerdict, lives: Sequence[LifeHistory]) -> float:
    """Return when the first process of the group was first seen: growth is not known to be older."""
    return min(
        max(life.started_at, life.first_ts)
        for life in (lives[chosen.data.segments[i].life] for i in chosen.group.members)
    )


def _leak(
    window: ServiceWindow,
    state: LeakState,
    lives: Sequence[LifeHistory],
    verdicts: Sequence[ChannelVerdict],
    *,
    chosen: ChannelVerdict,
    config: DetectorConfig,
) -> Evaluation:
    per_hour = chosen.rate * window.time_scale
    error = chosen.rate_error * window.time_scale
    found: Attribution = attribute(window, chosen.rate, _members(chosen, lives))
    diagnosis = diagnose_leak(chosen, verdicts, window, found)
    state.diagnosis = diagnosis
    forecast = forecast_limit(window, lives, chosen)
    served = [
        float(life.blocks[-1, REQUESTS]) / max(life.observed_hours, 1e-9)
        for life in lives
        if len(life.blocks)
    ]
    per_request = chosen.rate / np.mean(served) if served and np.mean(served) > 0 else math.nan
    version = guilty_release(chosen, lives, config)
    evidence = evidence_of(chosen, lives, window, verdicts, config)
    return Evaluation(
        verdict="leak",
        diagnosis=diagnosis,
        detected_at=state.detected_at,
        started_at=_began(chosen, lives),
        growth_bytes_per_hour=per_hour,
        growth_low=per_hour - 1.645 * error,
        growth_high=per_hour + 1.645 * error,
        bytes_per_request=None if math.isnan(per_request) else float(per_request),
        forecast=forecast,
        forecast_at=window.now if forecast else None,
        version=version,
        cured_by_version=None,
        resolved_at=None,
        suspects=found.suspects,
        evidence=replace(evidence, sites=found.share),
        sentence=leak_sentence(chosen, diagnosis, per_hour, found, forecast=forecast, window=window),
        state=state,
    )
