"""What looks like a leak for some hours: a morning, a job, a gap, a burst; and what leaves no time for patience."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from profiler_server.core.leak.evaluate import evaluate
from profiler_server.core.leak.model import LeakState, ServiceWindow
from profiler_server.core.leak.replay import Recording, Replayed, replay
from profiler_server.core.leak.window import FloatArray, InstanceSeries
from tests.unit.leak.recordings import EPOCH, HOUR, MIB, Life, recording, series_of

BORN = EPOCH - 60 * HOUR


def _followed(load: FloatArray, step: float, tau: float) -> FloatArray:
    """Return an average of `load` that lags by `tau` hours; one value per `step` hours."""
    keep = np.exp(-step / tau)
    lagged = np.empty_like(load)
    lagged[0] = load[0]
    for i in range(1, len(load)):
        lagged[i] = keep * lagged[i - 1] + (1 - keep) * load[i]
    return lagged


def _day(hours: FloatArray) -> FloatArray:
    """Requests per second of a day that begins with its lowest load."""
    return np.asarray(200.0 - 140.0 * np.cos(2 * np.pi * hours / 24.0))


def _seen(hours: FloatArray, heap: FloatArray, load: FloatArray, *, seed: int = 3) -> InstanceSeries:
    noise = 0.004 * np.random.default_rng(seed).standard_normal(len(hours))
    bytes_ = heap * (1 + noise) * MIB
    step = float(hours[1] - hours[0]) * HOUR
    columns = {"rss_bytes": 1.4 * bytes_, "heap_live_bytes": bytes_, "requests": load * step}
    return InstanceSeries("a", BORN, "v1", EPOCH + hours * HOUR, columns)


def _came(*series: InstanceSeries) -> Replayed:
    step = float(series[0].ts[1] - series[0].ts[0])
    return replay(Recording("patience", "go", step, None, (), series))


@pytest.mark.parametrize("tau", [0.3, 1.5, 4.0])
def test_a_morning_is_no_leak(tau: float) -> None:
    hours = np.arange(0.0, 40.0, 1 / 12)
    load = _day(hours)
    heap = 250.0 + 200.0 * _followed(load, 1 / 12, tau) / 200.0
    assert _came(_seen(hours, heap, load)).alerts == ()


@pytest.mark.parametrize("quiet_hours", [1.0, 9.0])
def test_a_jobs_first_ramp_is_no_leak(quiet_hours: float) -> None:
    hours = np.arange(0.0, 30.0, 1 / 20)
    ramp = np.clip((hours - quiet_hours) / 3.5, 0.0, 1.0)
    fallen = np.where(hours > quiet_hours + 3.5, np.exp(-(hours - quiet_hours - 3.5) / 0.6), 1.0)
    came = _came(_seen(hours, 300.0 + 120.0 * ramp * fallen, np.full(len(hours), 100.0)))
    assert came.alerts == ()


def _without(series: InstanceSeries, begin: float, end: float) -> InstanceSeries:
    keep = (series.ts < EPOCH + begin * HOUR) | (series.ts > EPOCH + end * HOUR)
    columns = {name: values[keep] for name, values in series.columns.items()}
    return replace(series, ts=series.ts[keep], columns=columns)


def test_a_night_that_was_not_seen_parts_nothing() -> None:
    hours = np.arange(0.0, 60.0, 1 / 12)
    load = _day(hours)
    heap = 250.0 + 200.0 * _followed(load, 1 / 12, 1.5) / 200.0
    assert _came(_without(_seen(hours, heap, load), 20.0, 26.0)).alerts == ()
    leaking = _came(_without(_seen(hours, heap + 3.0 * hours, load), 20.0, 26.0))
    assert len(leaking.alerts) == 1


def test_evidence_that_comes_all_at_once_has_to_be_borne_out() -> None:
    series = series_of(Life(0, 60, per_hour=4.0))
    window = ServiceWindow(float(series.ts[-1]), 300.0, None, "go", (), (series,))
    first = evaluate(window, LeakState(odds={"heap": -3.0}))
    assert first.verdict == "healthy"
    assert first.evidence is not None
    assert first.evidence.held_by == "leap"
    state = replace(first.state, last=None, evaluated_at=None)
    assert evaluate(window, state).verdict == "leak"


def test_a_limit_that_is_hours_away_leaves_no_time_for_certainty() -> None:
    life = Life(0, 40, born=-60.0, per_hour=3.0, noise=7.0, load_share=0.02)
    free = replay(recording(life))
    pressed = replay(recording(life, limit_mib=1.4 * (400 + 3.0 * 24)))
    assert pressed.alerts
    assert free.alerts == ()


def test_an_older_state_keeps_its_finding_and_reads_its_points_again() -> None:
    series = series_of(Life(0, 60, per_hour=4.0))
    window = ServiceWindow(float(series.ts[-1]), 300.0, None, "go", (), (series,))
    stored = evaluate(window, LeakState()).state.to_json() | {"format": 1}
    state = LeakState.from_json(stored)
    assert state.detected_at == window.now
    assert state.lives == {}
    assert state.read_from(series.instance, series.started_at) is None
