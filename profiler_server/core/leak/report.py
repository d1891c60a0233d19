"""What a verdict says and shows: the sentence, and the evidence behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.leak.attribute import Attribution
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.history import LATENCY, LOAD, LifeHistory
from profiler_server.core.leak.model import Alternative, Evaluation, Evidence, FloorLine, LeakState, LoadCurve, Slope
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import HOUR, ServiceWindow

MIB = 1024.0 * 1024.0
CURVE_POINTS = 9


def abstain(window: ServiceWindow, state: LeakState, config: DetectorConfig) -> Evaluation:
    """Return the verdict that there is too little to judge, and how much is wanted."""
    return Evaluation(
        verdict="insufficient_data",
        diagnosis="none",
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
        evidence=None,
        sentence=f"Too little data: no process has been seen for {config.min_hours:g} h without large gaps.",
        state=state,
    )


def evidence_of(
    chosen: ChannelVerdict, lives: Sequence[LifeHistory], window: ServiceWindow, verdicts: Sequence[ChannelVerdict]
) -> Evidence:
    """Return the evidence behind a verdict on one channel."""
    test, scale = chosen.test, window.time_scale
    rate, error = chosen.rate * scale, chosen.rate_error * scale
    others = [
        Alternative("nothing but load", test.log_leak > test.log_none, test.log_leak - test.log_none, "log Bayes factor"),
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
        log_threshold=0.0,
        replicas_growing=len(growing) if chosen.rate > 0 else 0,
        replicas=len(replicas),
        lives=len(lives),
        latency_correlation=_latency(chosen, lives),
        waterfall={},
        undecided_until=None,
        notes=(f"held by {chosen.held_by}",) if chosen.held_by else (),
    )


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
    pairs = [
        np.stack([s.value, lives[s.life].blocks[s.rows, LATENCY]], axis=1) for s in chosen.data.segments
    ]
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
    chosen: ChannelVerdict, diagnosis: str, per_hour: float, found: Attribution, window: ServiceWindow
) -> str:
    """Return the finding in one sentence."""
    who = f" through {found.suspects[0].function}" if found.suspects else ""
    unit = f"{per_hour:.1f} {chosen.channel}" if diagnosis == "resource_leak" else human_bytes(per_hour)
    return f"{diagnosis.replace('_', ' ').capitalize()}: {unit} an hour{who}, whatever the load does."


def healthy_sentence(diagnosis: str, verdicts: Sequence[ChannelVerdict]) -> str:
    """Return what the memory of a healthy service does."""
    said = {
        "none": "No leak: memory is steady.",
        "load_following": "No leak: memory follows the load.",
        "warm_up": "No leak: memory fills up after the start and levels off.",
        "step": "No leak: memory took a step and stayed there.",
        "fragmentation": "No leak: live memory is flat, freed memory is held in fragments.",
        "runtime_retention": "No leak: runtime retention; the runtime holds pages that the program has freed.",
        "high_water": "No leak: resident memory stays at its high-water mark.",
        "spikes": "No leak: memory rises in bursts and comes back.",
    }
    return said.get(diagnosis, "No leak.")
