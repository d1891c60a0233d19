"""Kept snapshots outlive retention; fsck sees damage; roll-ups can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance
from profiler_server.core.errors import NotFound
from profiler_server.profiles import queries
from profiler_server.profiles.actions.compact_service import compact_service
from profiler_server.profiles.actions.keep_snapshots import keep_snapshots_around
from profiler_server.profiles.actions.maintain_partitions import maintain_partitions
from profiler_server.profiles.actions.pin_snapshot import pin_snapshot, unpin_snapshot
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.profiles.due import due_windows
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.queries import ProfileSelection
from profiler_server.profiles.statements import HOT
from profiler_server.storage import retention
from profiler_server.storage.partitions import Partition, partitions
from profiler_server.storage.sql import Statements
from profiler_server.storage.times import hour_of
from tests.integration.profiles.building import NOW, comparable, go_profile

pytestmark = pytest.mark.django_db(transaction=True)
START = hour_of(NOW) - timedelta(days=2)
LATER = NOW + timedelta(hours=1)
MUCH_LATER = NOW + timedelta(days=60)


@pytest.fixture
def instance() -> Iterator[Instance]:
    forget_instances()
    with connection.cursor() as cursor:  # rows of earlier tests, whose services are gone
        cursor.execute(
            "TRUNCATE profiles_hot, profiles_chunk, profiles_kept, profiles_window_sum, profiles_hour_sum,"
            " profiles_dictionary, profiles_due_hour, series_hot, series_chunk, series_five_minutes, series_hourly"
        )
    project = Project.objects.create(name="Shop", slug="shop")
    one = observe_instance(project.pk, InstanceIdentity("cart", "h:1", START, "v1"), at=START)
    store_profiles(
        [ProfileArrival(one, START + timedelta(minutes=5 * i), go_profile(seed=i)) for i in range(12)],
        now=NOW,
    )
    yield one
    forget_instances()


def key(instance: Instance) -> ServiceKey:
    return ServiceKey(instance.project_id, instance.service_id)


def compact(instance: Instance) -> None:
    windows = [due.at for due in due_windows(LATER) if due.service == key(instance)]
    assert windows
    compact_service(key(instance), windows, now=LATER)


def hour(instance: Instance, **options: object) -> ProfileSelection:
    return ProfileSelection(
        instance.project_id, instance.service_id, START, START + timedelta(hours=1), **options
    )


def fsck() -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("fsck", stdout=out)
    except SystemExit as done:
        return int(done.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_pinned_and_protected_snapshots_outlive_retention(instance: Instance) -> None:
    ids = [one.id for one in queries.snapshots(hour(instance))][::-1]
    pin_snapshot(instance.project_id, instance.service_id, ids[2])
    compact(instance)
    pin_snapshot(instance.project_id, instance.service_id, ids[2])
    moment = START + timedelta(minutes=31)
    assert keep_snapshots_around(*_pair(instance), moment, reason="finding:7", each_side=2) == 4
    chosen = [one.id for one in queries.snapshots(hour(instance)) if one.reasons]
    kept = {one: comparable(queries.merged(hour(instance, snapshot_id=one))) for one in chosen}
    assert set(kept) == {ids[2], *ids[5:9]}
    maintain_partitions(MUCH_LATER)
    listed = queries.snapshots(hour(instance))
    assert {one.id for one in listed} == set(kept)
    assert [one.id for one in listed if one.pinned] == [ids[2]]
    assert {one: comparable(queries.merged(hour(instance, snapshot_id=one))) for one in kept} == kept
    unpin_snapshot(instance.project_id, instance.service_id, ids[2])
    assert {one.id for one in queries.snapshots(hour(instance))} == set(ids[5:9])
    with pytest.raises(NotFound):
        queries.merged(hour(instance, snapshot_id=ids[0]))
    with pytest.raises(NotFound):
        pin_snapshot(instance.project_id, instance.service_id, ids[0])


def _pair(instance: Instance) -> tuple[int, int]:
    return instance.project_id, instance.service_id


def test_fsck_is_quiet_when_all_is_well(instance: Instance) -> None:
    assert fsck() == (0, "Nothing is wrong.\n")
    compact(instance)
    assert fsck() == (0, "Nothing is wrong.\n")


@pytest.mark.parametrize(
    "table", ["profiles_chunk", "profiles_hot", "profiles_window_sum", "profiles_hour_sum"]
)
def test_fsck_finds_a_damaged_block(instance: Instance, table: str) -> None:
    compact(instance)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET block = set_byte(block, length(block) / 2, get_byte(block, length(block) / 2) # 64)"
            f" WHERE ctid = (SELECT ctid FROM {table} WHERE block IS NOT NULL LIMIT 1)"
        )
    code, report = fsck()
    assert code == 1
    assert table in report
    if (
        table == "profiles_hot"
    ):  # the other profile of the window differs from the damaged one and is lost with it
        assert "2 faults." in report


def test_fsck_finds_orphans_and_holes(instance: Instance) -> None:
    compact(instance)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM profiles_site WHERE service_id = %s AND site_id = 3", (instance.service_id,)
        )
        cursor.execute(
            "UPDATE profiles_hot SET instance_id = 999999999 WHERE service_id = %s", (instance.service_id,)
        )
    code, report = fsck()
    assert code == 1
    assert "instances that do not exist" in report
    assert "gave out" in report


def test_rollups_are_rebuilt(instance: Instance) -> None:
    compact(instance)
    before = comparable(queries.merged(hour(instance)))
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE profiles_window_sum, profiles_hour_sum")
    assert comparable(queries.merged(hour(instance))) != before
    out = StringIO()
    call_command("rebuild_rollups", "--service", "cart", stdout=out)
    assert out.getvalue() == "cart: 6 windows\n"
    assert comparable(queries.merged(hour(instance))) == before


def test_a_profile_that_slips_in_before_the_drop_is_carried_over(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The partition is found compacted, a late profile comes, the partition goes: the profile stays."""
    compact(instance)
    late = ProfileArrival(instance, START + timedelta(minutes=12), go_profile(seed=99))

    def compacted_a_moment_ago(_: Statements, partition: Partition) -> bool:
        if partition.start <= START < partition.end:
            store_profiles([late], now=NOW)
        return True

    monkeypatch.setattr(retention, "is_compacted", compacted_a_moment_ago)
    maintain_partitions(LATER)
    monkeypatch.undo()
    assert len(queries.snapshots(hour(instance))) == 13
    compact(instance)
    maintain_partitions(LATER)
    assert len(queries.snapshots(hour(instance))) == 13


def test_a_drop_that_was_cut_short_is_finished(instance: Instance) -> None:
    compact(instance)
    (partition,) = [p for p in partitions(HOT) if p.start <= START < p.end]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE profiles_hot DETACH PARTITION {partition.name} CONCURRENTLY")
        cursor.execute(f"ALTER TABLE {partition.name} RENAME TO {partition.name}_gone")
    maintain_partitions(LATER)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'profiles_hot%%_gone'")
        assert cursor.fetchone() == (0,)
    assert len(queries.snapshots(hour(instance))) == 12
