"""Points go in once and come out by instance and name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    RELEASE_STEP,
    SEEN_STEP,
    InstanceIdentity,
    observe_instance,
)
from profiler_server.catalog.models import Instance, Release
from profiler_server.core.errors import InvalidPoints
from profiler_server.core.points import point_batch
from profiler_server.series.actions.store_points import store_points
from profiler_server.series.queries import read_series, read_stored, series_names
from profiler_server.storage.times import from_unix

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def instance() -> Instance:
    project = Project.objects.create(name="Shop", slug="shop")
    return observe_instance(project.pk, InstanceIdentity("cart", "h:1", NOW - timedelta(hours=2)), at=NOW)


def read(instance: Instance, **options: object) -> list:
    return read_series(
        instance.project_id,
        instance.service_id,
        NOW - timedelta(hours=30),
        NOW + timedelta(minutes=1),
        **options,
    )


def test_points_come_back_once(instance: Instance) -> None:
    ts = [NOW.timestamp() - 10 * i for i in range(500)]
    batch = point_batch(ts, {"rss_bytes": [1e9 + i for i in range(500)], "p99_ms": [None, *[0.5] * 499]})
    assert store_points(instance, batch, now=NOW) == 500
    assert store_points(instance, batch, now=NOW) == 0
    overlapping = point_batch(ts[:3], {"rss_bytes": [7.0, 7.0, 7.0], "fds": [1, 2, 3]})
    store_points(instance, overlapping, now=NOW)
    p99, rss = read(instance, names=["rss_bytes", "p99_ms"])
    assert (p99.name, len(p99.ts)) == ("p99_ms", 499)
    assert len(rss.ts) == 500
    assert (np.diff(rss.ts) > 0).all()
    assert series_names(instance.service_id) == ["fds", "p99_ms", "rss_bytes"]


def test_downsampling_keeps_the_extremes(instance: Instance) -> None:
    ts = [NOW.timestamp() - i for i in range(3_000)]
    values = [100.0] * 3_000
    values[1_234] = 9_000.0
    store_points(instance, point_batch(ts, {"rss_bytes": values}), now=NOW)
    (series,) = read(instance, max_points=50)
    assert len(series.ts) <= 50
    assert series.highs is not None
    assert series.highs.max() == 9_000.0
    assert series.lows is not None
    assert series.lows.min() == 100.0


def test_a_reader_with_bins_of_its_own_gets_the_points_as_they_were_sent(instance: Instance) -> None:
    ts = [NOW.timestamp() - i for i in range(3_000)]
    store_points(instance, point_batch(ts, {"rss_bytes": [100.0] * 3_000}), now=NOW)
    span = NOW - timedelta(hours=2), NOW + timedelta(minutes=1)
    (series,) = read_stored(instance.project_id, instance.service_id, *span, max_points=50)
    assert len(series.ts) == 3_000
    assert series.lows is None


def test_times_outside_the_retention_are_refused(instance: Instance) -> None:
    for at in (NOW - timedelta(days=60), NOW + timedelta(hours=1)):
        with pytest.raises(InvalidPoints):
            store_points(instance, point_batch([at.timestamp()], {"fds": [1]}), now=NOW)


def test_the_push_notes_when_the_instance_was_heard_of(instance: Instance) -> None:
    later = NOW + timedelta(minutes=5)
    batch = point_batch([NOW.timestamp() - 5], {"rss_bytes": [1.0]})
    assert store_points(instance, batch, now=NOW, seen_at=later) == 1
    assert Instance.objects.get().last_seen_at == later
    store_points(instance, batch, now=NOW, seen_at=later + timedelta(seconds=1))
    assert Instance.objects.get().last_seen_at == later


@pytest.mark.django_db(transaction=True)
def test_pushes_at_the_same_moment_are_each_kept_once() -> None:
    project = Project.objects.create(name="Shop", slug="shop")
    identity = InstanceIdentity("cart", "h:1", NOW - timedelta(hours=2), "v1")
    lives = [
        observe_instance(project.pk, replace(identity, key=f"h:{n}"), at=NOW - timedelta(hours=1))
        for n in range(4)
    ]
    start = NOW.timestamp() - 3_000

    def push(number: int) -> int:
        life = lives[number % 4]
        ts = [start + number * 10 + i for i in range(10)]
        batch = point_batch(ts, {"rss_bytes": [float(number)] * 10})
        try:
            return store_points(life, batch, now=NOW, seen_at=from_unix(ts[-1])) + store_points(
                life, batch, now=NOW
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(push, range(40))) == [10] * 40
    assert sum(len(series.ts) for series in read(lives[0])) == 400
    seen = {int(one.key[2:]): one.last_seen_at for one in Instance.objects.all()}
    for number, moment in seen.items():
        assert moment >= from_unix(start + (36 + number) * 10 + 9) - SEEN_STEP
    assert Release.objects.get().last_seen_at >= max(seen.values()) - RELEASE_STEP
