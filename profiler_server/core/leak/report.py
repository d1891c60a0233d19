"""What a verdict says and shows: the sentence, and the evidence behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    Slope,
    Verdict,
)
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import HOUR, ServiceWindow

MIB = 1024.0 * 1024.0
CURVE_POINTS = 9


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
    others = [
        Alternative(
            "nothing but load",
            test.log_leak > test.log_none,
            test.log_leak - test.log_none,
            "log Bayes factor",
        ),
        Alternative(
            "a warm-up that will level off",
            test.log_leak > test.log_warm,
            test.log_leak - test.log_warm,
            f"best time constant {test.warm_hours:g} h of {test.warm_kind}",
        ),
    ]
    replicas = {lives[s.life].instance for s in chosen.data.segments}
    growing = {lives[chosen.data.segments[i].life].instance for i in chosen.group.members}
    return Evidence(
        signal=chosen.channel,
        floor=_floor_lines(chosen, lives, scale),
        slope=Slope(rate, rate - 1.645 * error, rate + 1.645 * error, error),
        load=_load_curve(chosen, lives),
        alternatives=tuple(others),
        sites=None,
        log_evidence=chosen.log_odds,
        log_threshold=config.log_odds_leak,
        replicas_growing=len(growing) if chosen.rate > 0 else 0,
        replicas=len(replicas),
        lives=len(lives),
        latency_correlation=_latency(chosen, lives),
        waterfall=_waterfall(lives),
        undecided_until=_undecided_until(chosen, window, config),
        notes=_notes(chosen, verdicts),
    )


GATE_NOTES = {
    "evidence": "The evidence does not suffice yet.",
    "effect": "It grows too little to matter.",
    "late slope": "It no longer climbs as it did.",
    "early slope": "It has climbed only lately.",
    "burst": "It climbs in a burst that has yet to show whether it lasts.",
    "gives back": "What it took it gave back.",
    "first day": "Without a load, a day must pass before a rise can be told from the hours of the day.",
    "run": "Among so many services this much evidence comes about by chance.",
    "refilling": "A young process fills up to where its elders stand.",
    "lately": "It grows only lately: a job may still give it back.",
    "leap": "The evidence came all at once: the next evaluation has to bear it out.",
    "remains": "It is little beside the warm-up that it would go with.",
    "young": "The process is young: caches and sessions may still be filling.",
}


def _notes(chosen: ChannelVerdict, verdicts: Sequence[ChannelVerdict]) -> tuple[str, ...]:
    """Say which gate holds the verdict, and which other parts of memory were looked at."""
    held = (GATE_NOTES[chosen.held_by],) if chosen.held_by else ()
    others = tuple(
        f"{v.channel}: log odds {v.log_odds:.1f}" + (f" ({GATE_NOTES[v.held_by]})" if v.held_by else "")
        for v in verdicts
        if v is not chosen
    )
    return held + others


def _undecided_until(chosen: ChannelVerdict, window: ServiceWindow, config: DetectorConfig) -> float | None:
    """Return when a young process's growth can be told from a filling cache, None where nothing is left open."""
    if chosen.held_by != "young":
        return None
    return window.now + max(config.young_hours - chosen.age_hours, 0.0) * HOUR / window.time_scale


def _waterfall(lives: Sequence[LifeHistory]) -> dict[str, float]:
    """Return the newest known bytes of every part of the memory of the process seen last."""
    newest = max(lives, key=lambda life: life.read_until).blocks[-1]
    values = {name: float(newest[MID + CHANNELS.index(name)]) for name in MEMORY_CHANNELS}
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


def human_bytes(value: float) -> str:
    """Return a byte count as a person says it."""
    size = abs(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if size >= 100 or unit == "B" else f"{value:.1f} {unit}"
        size, value = size / 1024, value / 1024
    return f"{value:.1f} GiB"


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
    unit = f"{per_hour:.1f} {chosen.channel}" if diagnosis == "resource_leak" else human_bytes(per_hour)
    clock = CLOCK_WORDS.get(chosen.test.clock, "whatever the load does")
    where = {"release": f" since release {chosen.group.name}", "replica": f" in {chosen.group.name} alone"}
    kind = diagnosis.replace("_", " ").capitalize() + where.get(chosen.group.kind, "")
    text = f"{kind}: {unit} an hour{who}, {clock}."
    if forecast is not None:
        hours = (forecast[1] - window.now) / HOUR
        text += f" The limit is reached in about {hours:.0f} h." if hours >= 1 else " The limit is near."
    return text


CLOCK_WORDS = {
    "time": "whatever the load does",
    "requests": "with every request, and it keeps it when load recedes",
    "errors": "with every error",
    "accelerating": "faster and faster",
    "decelerating": "ever more slowly, but without an end",
}
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
