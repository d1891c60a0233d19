"""What an evaluation reads: only what the state has not taken in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from profiler_server.analysis.window import READ_TOGETHER, Sight, _read_together, see_service
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.leak import LeakState, evaluate
from profiler_server.core.points import PointBatch
from profiler_server.series.actions.store_points import store_points
from tests.integration.analysis.findings import a_live_instance, a_service

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)


def _run(service: Service, key: str, begins: float, ends: float) -> Instance:
    """Store a process life, a point a minute; hours from NOW."""
    begin, end = (NOW + timedelta(hours=hours) for hours in (begins, ends))
    instance = Instance.objects.filter(service=service, key=key).first() or a_live_instance(
        service, key, started_at=begin, first_seen_at=begin, last_seen_at=end
    )
    ts = np.arange(begin.timestamp(), end.timestamp() + 1, 60.0)
    noise = np.random.default_rng(3).normal(0, 1e5, len(ts))
    store_points(instance, PointBatch(ts, {"rss_bytes": 2e8 + noise, "heap_live_bytes": 1e8 + noise}))
    Instance.objects.filter(pk=instance.pk).update(last_seen_at=end)
    return instance


def _seen(service: Service, state: LeakState) -> Sight:
    sight = see_service(service, state, ignore_before=None, interval_seconds=60.0)
    assert sight is not None
    return sight


def test_only_new_points_are_read_even_where_another_process_has_just_started() -> None:
    service = a_service()
    _run(service, "host:1", -9, 0)
    state = evaluate(_seen(service, LeakState()).window, LeakState()).state
    _run(service, "host:1", 1 / 60, 2)
    _run(service, "host:2", 1, 2)
    window = _seen(service, state).window
    points = {series.instance: len(series.ts) for series in window.instances}
    assert points["host:2"] == 61
    assert 120 <= points["host:1"] <= 130
    begin = {life.pk: life.started_at for life in Instance.objects.filter(service=service)}
    assert len(list(_read_together(list(Instance.objects.filter(service=service)), begin))) == 2


def test_a_process_that_has_ended_is_read_no_more_once_it_was_taken_in() -> None:
    service = a_service()
    _run(service, "host:1", -9, -5.01)
    _run(service, "host:2", -5, 0)
    state = evaluate(_seen(service, LeakState()).window, LeakState()).state
    _run(service, "host:2", 1 / 60, 1)
    assert [series.instance for series in _seen(service, state).window.instances] == ["host:2"]


def test_lives_read_about_as_far_share_a_read() -> None:
    service = a_service()
    lives = [_run(service, f"host:{k}", -9, 0) for k in range(3)]
    begin = {lives[0].pk: NOW, lives[1].pk: NOW + READ_TOGETHER, lives[2].pk: NOW + 2 * READ_TOGETHER}
    assert [len(group) for group in _read_together(lives, begin)] == [2, 1]
