"""What a verdict says and shows: the sentence, and the evidence behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core import units
from profiler_server.core.leak.attribute import Attribution
from profiler_server.core.leak.channels import CHANNELS, MEMORY_CHANNELS
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.history import LATENCY, LOAD, MID, LifeHistory
from profiler_server.core.leak.model import (
    Alternative,
    Diagnosis,
    Evaluation,
    Evidence,
    FloorLine,
    LeakState,
    LoadCurve,
    LookedAt,
    Slope,
    Verdict,
)
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import HOUR, ServiceWindow

DAYS_FROM_HOURS = 48
CURVE_POINTS = 9
FIRST_WHOLE_BLOCK = 1
"""The block from which a process is compared with itself: in the one before it has only just started."""


def abstain(window: ServiceWindow, state: LeakState, config: DetectorConfig) -> Evaluation:
    """Return the verdict that there is too little to judge, and how much is wanted."""
    sentence = f"Too little data: no process has been seen for {config.min_hours:g} h without large gaps."
    return without_finding("insufficient_data", "none", sentence, evidence=None, state=state)


def without_finding(
    verdict: Verdict, diagnosis: Diagnosis, sentence: str, *, evidence: Evidence | None, state: LeakState
) -> Evaluation:
    """Return an evaluation that raises nothing: no growth, forecast, release or suspect."""
    return Evaluation(
        verdict=verdict,
        diagnosis=diagnosis,
        detected_at=None,
        started_at=None,
        growth_bytes_per_hour=None,
        growth_low=None,
        growth_high=None,
        bytes_per_request=None,
        forecast=None,
        forecast_at=None,
        version=None,
        cured_by_version=None,
        resolved_at=None,
        suspects=(),
        evidence=evidence,
        sentence=sentence,
        state=state,
    )


def evidence_of(
    chosen: ChannelVerdict,
    lives: Sequence[LifeHistory],
    window: ServiceWindow,
    verdicts: Sequence[ChannelVerdict],
    config: DetectorConfig,
) -> Evidence:
    """Return the evidence behind a verdict on one channel."""
    test, scale = chosen.test, window.time_scale
    rate, error = chosen.rate * scale, chosen.rate_error * scale
    others = (
        Alternative("load", test.log_leak > test.log_none, test.log_leak - test.log_none),
        Alternative(
            "warm_up",
            test.log_leak > test.log_warm,
            test.log_leak - test.log_warm,
            settles_hours=test.warm_hours / scale,
            settles_by=test.warm_kind,
        ),
    )
    replicas = {lives[s.life].instance for s in chosen.data.segments}
    growing = {lives[chosen.data.segments[i].life].instance for i in chosen.group.members}
    return Evidence(
        signal=chosen.channel,
        floor=_floor_lines(chosen, lives, scale),
        slope=Slope(rate, rate - 1.645 * error, rate + 1.645 * error, error),
        load=_load_curve(chosen, lives),
        alternatives=others,
        sites=None,
        log_evidence=chosen.log_odds,
        log_threshold=config.log_odds_leak,
        replicas_growing=len(growing) if chosen.rate > 0 else 0,
        replicas=len(replicas),
        lives=len(lives),
        latency_correlation=_latency(chosen, lives),
        waterfall=_waterfall(lives, -1),
        undecided_until=_undecided_until(chosen, window, config),
        held_by=chosen.held_by,
        others=tuple(LookedAt(v.channel, v.log_odds, v.held_by) for v in verdicts if v is not chosen),
        waterfall_before=_waterfall(lives, FIRST_WHOLE_BLOCK),
    )


def _undecided_until(chosen: ChannelVerdict, window: ServiceWindow, config: DetectorConfig) -> float | None:
    """Return when a young process's growth can be told from a filling cache, None where nothing is left open."""
    if chosen.held_by != "young":
        return None
    return window.now + max(config.young_hours - chosen.age_hours, 0.0) * HOUR / window.time_scale


def _waterfall(lives: Sequence[LifeHistory], at: int) -> dict[str, float]:
    """Return the known bytes of every part of the memory of the process seen last, in its block `at`."""
    blocks = max(lives, key=lambda life: life.read_until).blocks
    block = blocks[min(at, len(blocks) - 1)]
    values = {name: float(block[MID + CHANNELS.index(name)]) for name in MEMORY_CHANNELS}
    return {name: value for name, value in values.items() if not np.isnan(value)}


def _floor_lines(chosen: ChannelVerdict, lives: Sequence[LifeHistory], scale: float) -> tuple[FloorLine, ...]:
    lines = []
    for i, segment in enumerate(chosen.data.segments):
        life = lives[segment.life]
        lines.append(
            FloorLine(
                instance=life.instance,
                started_at=life.started_at,
                version=life.version,
                ts=tuple((chosen.hours[i] * HOUR / scale).round(3).tolist()),
                value=tuple(segment.value.tolist()),
                fitted=tuple((chosen.fit.fitted[i] * chosen.data.base).tolist()),
            )
        )
    return tuple(lines)


def _load_curve(chosen: ChannelVerdict, lives: Sequence[LifeHistory]) -> LoadCurve | None:
    loads = np.concatenate([lives[s.life].blocks[s.rows, LOAD] for s in chosen.data.segments])
    if chosen.design.n_load < 3 or np.isnan(loads).all():
        return None
    part = [
        matrix[:, 1 : 1 + chosen.design.n_load] @ chosen.fit.load + 1.0 for matrix in chosen.design.matrices
    ]
    response = np.concatenate(part) * chosen.data.base
    present = ~np.isnan(loads)
    loads, response = loads[present], response[present]
    order = np.argsort(loads)
    groups = [g for g in np.array_split(order, CURVE_POINTS) if len(g)]
    correlation = float(np.corrcoef(loads, response)[0, 1]) if loads.std() > 0 and response.std() > 0 else 0.0
    return LoadCurve(
        tuple(float(loads[g].mean()) for g in groups),
        tuple(float(response[g].mean()) for g in groups),
        0.0,
        correlation,
    )


def _latency(chosen: ChannelVerdict, lives: Sequence[LifeHistory]) -> float | None:
    pairs = [np.stack([s.value, lives[s.life].blocks[s.rows, LATENCY]], axis=1) for s in chosen.data.segments]
    both = np.concatenate(pairs)
    both = both[~np.isnan(both).any(axis=1)]
    if len(both) < 8 or both.std(axis=0).min() <= 0:
        return None
    return float(np.corrcoef(both.T)[0, 1])


def leak_sentence(
    chosen: ChannelVerdict,
    diagnosis: str,
    per_hour: float,
    found: Attribution,
    *,
    forecast: tuple[float, float, float] | None,
    window: ServiceWindow,
) -> str:
    """Return the finding in two sentences: what grows, how fast, by what and through whom; and until when."""
    who = f" through {found.suspects[0].function}" if found.suspects else ""
    counted = COUNTED_WORDS.get(chosen.channel)
    unit = f"{units.format_count(per_hour)} {counted}" if counted else units.format_bytes(per_hour)
    clock = CLOCK_WORDS.get(chosen.test.clock, "whatever the load does")
    where = {"release": f" since release {chosen.group.name}", "replica": f" in {chosen.group.name} alone"}
    kind = diagnosis.replace("_", " ").capitalize() + where.get(chosen.group.kind, "")
    text = f"{kind}: {unit} an hour{who}, {clock}."
    if forecast is not None:
        text += _until(forecast[1] - window.now)
    return text


def _until(seconds: float) -> str:
    """Say when the limit is reached, in hours or, from `DAYS_FROM_HOURS` on, in days."""
    hours = seconds / HOUR
    if hours < 1:
        return " The limit is near."
    about = f"{hours:.0f} h" if hours < DAYS_FROM_HOURS else f"{hours / 24:.0f} days"
    return f" The limit is reached in about {about}."


CLOCK_WORDS = {
    "time": "whatever the load does",
    "requests": "with every request, and it keeps it when load recedes",
    "errors": "with every error",
    "accelerating": "faster and faster",
    "decelerating": "ever more slowly, but without an end",
}
COUNTED_WORDS = {"threads": "threads", "fds": "open files and sockets", "goroutines": "goroutines"}
RETENTION_CURE = " Go hands pages back lazily here: GODEBUG=madvdontneed=1 makes it give them back at once."
HELD_BY_RUN = "Undecided: it climbs, but among so many services some climb as much by chance."
SAID = {
    "none": "No leak: memory is steady.",
    "load_following": "No leak: memory follows the load.",
    "warm_up": "No leak: memory fills up after the start and levels off.",
    "step": "No leak: memory took a step and stayed there.",
    "fragmentation": "No leak: live memory is flat, freed memory is held in fragments.",
    "runtime_retention": "No leak: runtime retention; the runtime holds pages that the program has freed.",
    "high_water": "No leak: resident memory stays at its high-water mark.",
    "spikes": "No leak: memory rises in bursts and comes back.",
}


def healthy_sentence(diagnosis: str, window: ServiceWindow, evidence: Evidence) -> str:
    """Return what the memory of a healthy service does, or that the question is open."""
    if evidence.undecided_until is not None:
        wait = max((evidence.undecided_until - window.now) / HOUR, 0.0)
        return (
            f"Undecided for another {wait:.1f} h: a young process grows, and it may still be filling a cache."
        )
    cure = RETENTION_CURE if diagnosis == "runtime_retention" and window.language.lower() == "go" else ""
    return SAID.get(diagnosis, "No leak.") + cure
