"""What is carried from run to run: blocks, their packing, and that a run depends on nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np

from profiler_server.core.leak import LeakState, ServiceWindow, evaluate
from profiler_server.core.leak.config import DEFAULT_CONFIG
from profiler_server.core.leak.history import COUNT, Clock, absorb, begin_life
from profiler_server.core.leak.model import Evidence
from profiler_server.core.leak.window import InstanceSeries
from tests.unit.leak.recordings import EPOCH, HOUR, Life, series_of

LIFE = series_of(Life(0, 60, per_hour=4.0))
CLOCK = Clock(1.0, 300.0)


def _window(now: float, series: InstanceSeries) -> ServiceWindow:
    return ServiceWindow(EPOCH + now * HOUR, 300.0, None, "go", (), (series,))


def _after(series: InstanceSeries, ts: float) -> InstanceSeries:
    keep = series.ts > ts
    columns = {name: values[keep] for name, values in series.columns.items()}
    return replace(series, ts=series.ts[keep], columns=columns)


def test_blocks_are_the_same_however_the_points_arrive() -> None:
    at_once = begin_life(LIFE, 300.0, DEFAULT_CONFIG)
    absorb(at_once, LIFE, EPOCH + 60 * HOUR, CLOCK, DEFAULT_CONFIG)
    by_and_by = begin_life(LIFE, 300.0, DEFAULT_CONFIG)
    for hour in np.arange(0.5, 60.5, 0.5):
        absorb(by_and_by, LIFE, EPOCH + hour * HOUR, CLOCK, DEFAULT_CONFIG)
    assert len(by_and_by.blocks) <= DEFAULT_CONFIG.max_blocks
    assert by_and_by.blocks[:, COUNT].sum() == at_once.blocks[:, COUNT].sum()
    np.testing.assert_allclose(by_and_by.blocks, at_once.blocks, rtol=0.02, atol=1e-6)


def test_a_state_survives_json_and_goes_on_as_if_it_had_not_been_stored() -> None:
    kept, stored = LeakState(), LeakState()
    for hour in range(2, 61, 2):
        kept = evaluate(_window(hour, LIFE), kept).state
        stored = LeakState.from_json(
            json.loads(json.dumps(evaluate(_window(hour, LIFE), stored).state.to_json()))
        )
    assert kept.detected_at == stored.detected_at is not None
    assert stored.last is not None
    assert kept.last is not None
    assert stored.last.verdict == kept.last.verdict
    assert stored.last.evidence_json() is not None


def test_only_what_is_new_has_to_be_read() -> None:
    whole, news = LeakState(), LeakState()
    for hour in range(2, 61, 2):
        read_from = news.read_from(LIFE.instance, LIFE.started_at) or 0.0
        whole = evaluate(_window(hour, LIFE), whole).state
        news = evaluate(_window(hour, _after(LIFE, read_from)), news).state
    assert whole.detected_at == news.detected_at is not None


def test_a_doubled_run_changes_nothing() -> None:
    first = evaluate(_window(30, LIFE), LeakState())
    again = evaluate(_window(30, LIFE), first.state)
    assert again.verdict == first.verdict
    assert again.state.to_json() == first.state.to_json()


def test_the_given_state_is_not_changed() -> None:
    state = evaluate(_window(20, LIFE), LeakState()).state
    before = json.dumps(state.to_json())
    evaluate(_window(40, LIFE), state)
    assert json.dumps(state.to_json()) == before


def test_an_unknown_format_begins_anew() -> None:
    assert LeakState.from_json({"format": -1}).lives == {}
    assert LeakState.from_json(None).detected_at is None


def test_a_compressed_clock_finds_the_same_leak() -> None:
    slow = evaluate(_window(60, LIFE), LeakState())
    scale = 360.0
    fast_series = replace(
        LIFE, ts=EPOCH + (LIFE.ts - EPOCH) / scale, started_at=EPOCH + (LIFE.started_at - EPOCH) / scale
    )
    now = EPOCH + 60 * HOUR / scale
    fast = evaluate(
        ServiceWindow(now, 300.0 / scale, None, "go", (), (fast_series,), time_scale=scale), LeakState()
    )
    assert slow.verdict == fast.verdict == "leak"
    assert slow.growth_bytes_per_hour is not None
    assert fast.growth_bytes_per_hour is not None
    np.testing.assert_allclose(fast.growth_bytes_per_hour, slow.growth_bytes_per_hour * scale, rtol=0.05)


def test_a_release_switched_on_inside_a_process_goes_on_where_its_points_were_left() -> None:
    hour = EPOCH + 30 * HOUR
    early = replace(
        LIFE, ts=LIFE.ts[LIFE.ts <= hour], columns={n: v[LIFE.ts <= hour] for n, v in LIFE.columns.items()}
    )
    late = replace(_after(LIFE, hour), version="v2")
    window = replace(_window(60, LIFE), instances=(early, late))
    state = evaluate(window, LeakState()).state
    read = state.read_from(LIFE.instance, LIFE.started_at)
    assert read is not None
    assert read > hour
    assert state.has_read(LIFE.instance, LIFE.started_at, EPOCH + 40 * HOUR)
    assert not state.has_read(LIFE.instance, LIFE.started_at, EPOCH + 60 * HOUR)
    assert not state.has_read("another", LIFE.started_at, EPOCH)


def test_evidence_that_an_older_version_kept_in_words_is_read_by_its_numbers() -> None:
    older = {
        "signal": "heap", "floor": [], "slope": None, "load": None, "sites": None, "log_evidence": 4.0,
        "log_threshold": 3.5, "replicas_growing": 1, "replicas": 1, "lives": 1, "latency_correlation": None,
        "waterfall": {"rss": 1.0}, "undecided_until": None, "notes": ["It no longer climbs as it did."],
        "alternatives": [
            {"name": "nothing but load", "rejected": True, "margin": 4.1, "reason": "log Bayes factor"},
            {"name": "a warm-up that will level off", "rejected": True, "margin": 3.0, "reason": "best time constant"},
        ],
    }  # fmt: skip
    evidence = Evidence.from_json(older)
    assert [(one.name, one.margin) for one in evidence.alternatives] == [("load", 4.1), ("warm_up", 3.0)]
    assert evidence.others == ()
    assert Evidence.from_json(json.loads(json.dumps(asdict(evidence)))) == evidence
