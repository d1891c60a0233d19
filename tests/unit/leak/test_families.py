"""Families beyond a straight line: by error, by job, bent load, two weeks, a TTL, a release, a bend."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from profiler_server.core.leak.replay import Recording, Replayed, replay
from profiler_server.core.leak.window import FloatArray, InstanceSeries
from tests.unit.leak.recordings import EPOCH, HOUR, MIB, Life, load_at, recording

Floor = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""From hours, requests per second and errors per point to MiB of live heap."""


def _replayed(floor: Floor, *, hours: float, interval: float = 600.0, seed: int = 5) -> Replayed:
    """Replay one process that began 48 h before it was first seen and whose live heap is `floor`."""
    rng = np.random.default_rng(seed)
    at = np.arange(0.0, hours, interval / HOUR)
    load = load_at(at) * rng.uniform(0.9, 1.1, len(at))
    errors = rng.poisson(0.01 * load * rng.gamma(2.0, 0.5, len(at)) * interval / 60.0).astype(np.float64)
    noise = np.zeros(len(at))
    for i in range(1, len(at)):
        noise[i] = 0.8 * noise[i - 1] + 2.0 * rng.standard_normal()
    heap = (floor(at, load, errors) + noise) * MIB
    columns = {
        "rss_bytes": 1.4 * heap,
        "heap_live_bytes": heap,
        "requests": load * interval,
        "errors": errors,
    }
    series = InstanceSeries("a", EPOCH - 48 * HOUR, "v1", EPOCH + at * HOUR, columns)
    return replay(Recording("family", "go", interval, None, (), (series,)))


def test_a_leak_by_error_is_found() -> None:
    came = _replayed(lambda _h, _load, errors: 400.0 + 0.15 * np.cumsum(errors), hours=72.0)
    assert came.alerts
    assert came.first is not None
    assert came.first.diagnosis == "heap_leak"


def test_a_job_that_leaks_every_night_is_found() -> None:
    came = _replayed(lambda h, _load, _e: 400.0 + 30.0 * np.floor((h + 20.0) / 24.0), hours=8 * 24.0)
    assert came.alerts
    assert came.alerts[0] < EPOCH + 7 * 24 * HOUR


def test_memory_that_follows_load_by_a_curve_is_left_alone() -> None:
    came = _replayed(lambda _h, load, _e: 300.0 + 150.0 * (load / 200.0) ** 1.8, hours=96.0)
    assert came.alerts == ()


def test_a_slow_leak_shows_in_two_weeks_of_sparse_points() -> None:
    came = _replayed(
        lambda h, load, _e: 400.0 + 0.25 * h + 40.0 * load / 200.0, hours=14 * 24.0, interval=1800.0
    )
    assert came.alerts
    assert came.last_leak is not None
    assert came.last_leak.growth_bytes_per_hour == pytest.approx(0.25 * MIB, rel=0.3)


def test_sessions_that_expire_reach_a_plateau_and_are_left_alone() -> None:
    ttl = 6.0
    lives = [Life(0, 60, born=0.0, base=400.0, warm=(180.0, ttl / 2.0), instance=name) for name in "ab"]
    assert replay(recording(*lives)).alerts == ()


def test_a_release_that_grows_unlike_its_predecessors_need_not_come_of_age() -> None:
    calm = [Life(0, 20, born=-30.0), Life(20, 40, born=20.0, version="v2")]
    came = replay(recording(*calm, Life(40, 51.5, born=40.0, version="v3", per_hour=8.0)))
    assert came.alerts
    assert came.last_leak is not None
    assert came.last_leak.version == "v3"


def test_a_leak_that_gathers_speed_is_forecast_along_its_bend() -> None:
    def bent(h: FloatArray) -> FloatArray:
        return np.asarray(400.0 + 0.08 * h**2)

    rng = np.random.default_rng(3)
    at = np.arange(0.0, 48.0, 0.1)
    heap = (bent(at) + rng.standard_normal(len(at))) * MIB
    columns = {"rss_bytes": heap, "heap_live_bytes": heap, "requests": np.full(len(at), 1e5)}
    series = InstanceSeries("a", EPOCH, "v1", EPOCH + at * HOUR, columns)
    came = replay(Recording("bent", "go", 360.0, 1000 * MIB, (), (series,)))
    assert came.first is not None
    assert came.first.forecast is not None
    low, _middle, high = came.first.forecast
    reached = EPOCH + np.sqrt(600.0 / 0.08) * HOUR
    assert low < reached < high
