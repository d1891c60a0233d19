"""Hot profiles kept as differences: read as they came, wherever what they differ from lies, or when it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance
from profiler_server.profiles import queries
from profiler_server.profiles.actions.compact_service import compact_service
from profiler_server.profiles.actions.store_profiles import ProfileArrival, Stored, store_profiles
from profiler_server.profiles.due import due_windows
from profiler_server.profiles.hot_blocks import MAX_USES, forget_bases
from profiler_server.profiles.keys import ServiceKey, SnapshotId
from profiler_server.profiles.queries import ProfileSelection
from profiler_server.storage.times import hour_of
from tests.integration.profiles.building import NOW, comparable, go_profile

pytestmark = pytest.mark.django_db(transaction=True)
START = hour_of(NOW) - timedelta(hours=3)
SECOND = timedelta(seconds=1)


@pytest.fixture
def instance() -> Iterator[Instance]:
    forget_instances()
    forget_bases()
    project = Project.objects.create(name="Shop", slug="shop")
    yield observe_instance(project.pk, InstanceIdentity("cart", "h:1", START, "v1"), at=START)
    forget_instances()
    forget_bases()


def at(step: int) -> datetime:
    return START + 15 * step * SECOND


def store(instance: Instance, step: int) -> SnapshotId:
    (outcome,) = store_profiles([ProfileArrival(instance, at(step), go_profile(seed=step))], now=NOW)
    assert isinstance(outcome, Stored)
    return outcome.snapshot_id


def bases(instance: Instance) -> list[datetime | None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT base_at FROM profiles_hot WHERE instance_id = %s ORDER BY taken_at", [instance.pk]
        )
        return [base_at for (base_at,) in cursor.fetchall()]


def over(instance: Instance, first: int, last: int, **options: object) -> ProfileSelection:
    return ProfileSelection(instance.project_id, instance.service_id, at(first), at(last), **options)


def assert_whole(instance: Instance, snapshot: SnapshotId, step: int) -> None:
    found = queries.merged(over(instance, 0, 1, snapshot_id=str(snapshot)))
    assert comparable(found) == comparable(go_profile(seed=step))


def test_one_in_many_is_kept_whole(instance: Instance) -> None:
    stored = [store(instance, step) for step in range(MAX_USES + 3)]
    assert bases(instance) == [None, *[at(0)] * MAX_USES, None, at(MAX_USES + 1)]
    for step, snapshot in enumerate(stored):
        assert_whole(instance, snapshot, step)


def test_a_window_begins_anew(instance: Instance) -> None:
    for step in (38, 39, 40, 41):  # two before ten minutes are over, two after
        store(instance, step)
    assert bases(instance) == [None, at(38), None, at(40)]


def test_a_range_without_the_base_is_answered(instance: Instance) -> None:
    for step in range(5):
        store(instance, step)
    for kind in ("inuse_space", "alloc_space"):
        one = queries.merged(over(instance, 3, 4, sample_type=kind))
        both = queries.merged(over(instance, 3, 5, sample_type=kind))
        forget_bases()
        assert one.values.sum() != both.values.sum()
    expected = go_profile(seed=3)
    assert queries.merged(over(instance, 3, 4)).values.sum() == expected.values[:, 3].sum()


def test_compaction_takes_them_as_they_came(instance: Instance) -> None:
    stored = [store(instance, step) for step in range(6)]
    before = queries.merged(over(instance, 0, 40))
    compact_service(
        ServiceKey(instance.project_id, instance.service_id), [one.at for one in due_windows(NOW)], now=NOW
    )
    assert comparable(queries.merged(over(instance, 0, 40))) == comparable(before)
    late = store(instance, 7)
    assert bases(instance)[-1] == at(0)  # which the chunk holds already
    for step, snapshot in [*enumerate(stored), (7, late)]:
        assert_whole(instance, snapshot, step)


def test_a_base_that_is_gone_is_not_used(instance: Instance) -> None:
    store(instance, 0)
    store(instance, 1)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE profiles_hot")
    snapshot = store(instance, 2)
    assert bases(instance) == [None]
    assert_whole(instance, snapshot, 2)


def test_several_at_once_and_twice(instance: Instance) -> None:
    arrivals = [ProfileArrival(instance, at(step), go_profile(seed=step)) for step in range(4)]
    outcomes = store_profiles(arrivals, now=NOW)
    assert bases(instance) == [None, at(0), at(0), at(0)]
    again = store_profiles([*arrivals, ProfileArrival(instance, at(4), go_profile(seed=4))], now=NOW)
    assert [isinstance(one, Stored) for one in again] == [False] * 4 + [True]
    for step, outcome in enumerate([*outcomes, again[-1]]):
        assert_whole(instance, outcome.snapshot_id, step)
