"""The tasks that beat schedules exist under their names and do their one call; queries stay within their bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance
from profiler_server.config.celery import app
from profiler_server.core.errors import LimitExceeded
from profiler_server.core.points import point_batch
from profiler_server.profiles import queries
from profiler_server.profiles import tasks as profile_tasks
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.profiles.queries import ProfileSelection
from profiler_server.series import tasks as point_tasks
from profiler_server.series.actions.store_points import store_points
from profiler_server.series.queries import read_series
from profiler_server.storage.consistent import consistent_reads
from profiler_server.storage.times import hour_of
from tests.integration.profiles.building import NOW, python_profile

pytestmark = pytest.mark.django_db(transaction=True)
START = hour_of(NOW) - timedelta(hours=5)


@pytest.fixture
def instance() -> Iterator[Instance]:
    forget_instances()
    project = Project.objects.create(name="Shop", slug="shop")
    yield observe_instance(project.pk, InstanceIdentity("cart", "h:1", START), at=START)
    forget_instances()


def test_beat_names_tasks_that_exist() -> None:
    app.loader.import_default_modules()
    ours = [
        entry["task"]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"].startswith(("profiles", "series"))
    ]
    assert len(ours) == 4
    assert set(ours) <= set(app.tasks)


def test_the_tasks_compact_and_maintain(instance: Instance) -> None:
    arrivals = [
        ProfileArrival(instance, START + timedelta(minutes=i), python_profile(seed=i)) for i in range(15)
    ]
    store_profiles(arrivals, now=NOW)
    store_points(
        instance, point_batch([START.timestamp() + i for i in range(99)], {"fds": [1] * 99}), now=NOW
    )
    key = (instance.project_id, instance.service_id)
    profile_tasks.compact_windows(*key, [START.timestamp(), START.timestamp() + 600])
    point_tasks.compact_hours(*key, [START.timestamp()])
    profile_tasks.maintain_partitions_task()
    point_tasks.maintain_partitions_task()
    with connection.cursor() as cursor:
        for table, rows in (
            ("profiles_chunk", 2),
            ("profiles_hour_sum", 4),
            ("series_chunk", 1),
            ("profiles_hot", 0),
        ):
            cursor.execute(f"SELECT count(*) FROM {table} WHERE service_id = %s", [instance.service_id])
            assert cursor.fetchone() == (rows,), table
    selection = ProfileSelection(*key, START, START + timedelta(hours=1))
    assert len(queries.snapshots(selection)) == 15
    (series,) = read_series(*key, START, START + timedelta(hours=1))
    assert len(series.ts) == 99


def test_queries_say_which_bound_was_passed(instance: Instance) -> None:
    store_profiles([ProfileArrival(instance, START, python_profile())], now=NOW)
    selection = ProfileSelection(instance.project_id, instance.service_id, START, START + timedelta(hours=1))
    with pytest.raises(LimitExceeded, match="max_nodes"):
        queries.flame(selection, max_nodes=queries.MOST_NODES + 1)
    with pytest.raises(LimitExceeded, match="buckets"):
        queries.site_growth(selection, buckets=0)
    with pytest.raises(LimitExceeded, match="after its start"):
        ProfileSelection(instance.project_id, instance.service_id, START, START)
    with (
        pytest.raises(LimitExceeded, match=r"longer than 0\.05 s"),
        consistent_reads(0.05),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(5)")
