"""Compaction changes how profiles are stored and nothing that can be asked of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.db import connection, transaction

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance
from profiler_server.core.profile import Profile
from profiler_server.profiles import queries
from profiler_server.profiles.actions import compact_window as compaction
from profiler_server.profiles.actions.compact_service import compact_service
from profiler_server.profiles.actions.compact_window import Outcome, compact_window
from profiler_server.profiles.actions.maintain_partitions import maintain_partitions
from profiler_server.profiles.actions.store_profiles import AlreadyStored, ProfileArrival, store_profiles
from profiler_server.profiles.due import due_hours, due_windows
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.queries import ProfileSelection
from profiler_server.profiles.statements import HOT
from profiler_server.storage.partitions import partitions
from profiler_server.storage.sql import binary_cursor
from profiler_server.storage.times import hour_of, window_of
from tests.integration.profiles.building import NOW, comparable, go_profile

pytestmark = pytest.mark.django_db(transaction=True)
START = hour_of(NOW) - timedelta(hours=6)
STEP = timedelta(minutes=2)
LATER = NOW + timedelta(hours=3)


@pytest.fixture
def instances() -> Iterator[list[Instance]]:
    forget_instances()
    empty_profile_tables()  # rows of earlier tests would keep their hot partitions from being dropped
    project = Project.objects.create(name="Shop", slug="shop")
    found = []
    for number, release in ((1, "v1"), (2, "v1"), (3, "v2")):
        identity = InstanceIdentity("cart", f"h:{number}", START, release, labels={"zone": f"z{number % 2}"})
        found.append(observe_instance(project.pk, identity, at=START))
    yield found
    forget_instances()


def empty_profile_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(format('%I', relname), ', ') FROM pg_class"
            " WHERE relname LIKE 'profiles\\_%' AND relkind IN ('p', 'r') AND NOT relispartition"
        )
        (tables,) = cursor.fetchone()
        cursor.execute(f"TRUNCATE {tables}")


def a_life(number: int, steps: int, *, reset_at: int | None = None) -> list[Profile]:
    """Profiles of a growing process: counts rise, begin anew at `reset_at`, some stacks come and go."""
    rng = np.random.default_rng(number)
    allocated = np.zeros(40, np.int64)
    found = []
    for step in range(steps):
        if step == reset_at:
            allocated[:] = 0
        allocated += rng.integers(0, 30, 40)
        inuse = np.minimum(allocated, rng.integers(0, 50, 40) * (rng.random(40) > 0.2))
        found.append(go_profile(counts=np.stack([allocated, inuse], axis=1)))
    return found


def arrivals(instance: Instance, profiles: list[Profile], start: datetime) -> list[ProfileArrival]:
    jitter = timedelta(seconds=instance.pk % 7, microseconds=instance.pk)
    return [ProfileArrival(instance, start + jitter + STEP * i, one) for i, one in enumerate(profiles)]


@pytest.fixture
def stored(instances: list[Instance]) -> list[Instance]:
    first, second, third = instances
    everything = [
        *arrivals(first, a_life(1, 90), START + timedelta(minutes=3)),
        *arrivals(second, a_life(2, 40, reset_at=25), START),
        *arrivals(third, a_life(3, 45), START + timedelta(minutes=84)),
    ]
    store_profiles(everything, now=LATER)
    return instances


def key_of(instances: list[Instance]) -> ServiceKey:
    return ServiceKey(instances[0].project_id, instances[0].service_id)


def compact_everything(instances: list[Instance]) -> int:
    service = key_of(instances)
    windows = [due.at for due in due_windows(LATER) if due.service == service]
    return compact_service(service, windows, now=LATER)


def questions(instances: list[Instance]) -> Iterator[ProfileSelection]:
    """Selections with ragged and even ends, over everything, a release, an instance and a label."""
    service = key_of(instances)
    spans = (
        (START, START + timedelta(hours=4)),
        (START + timedelta(minutes=7, seconds=13), START + timedelta(hours=2, minutes=31)),
        (START + timedelta(minutes=61), START + timedelta(minutes=64)),
    )
    one = {"instance_ids": [instances[1].pk]}
    narrowings = ({}, {"release": "v1"}, {"release": "v2"}, one, {"labels": {"zone": "z1"}},
                  {"labels": {"bytes": ["64", "512"]}})  # fmt: skip
    for start, end in spans:
        for sample_type in ("inuse_space", "alloc_objects"):
            for narrowing in narrowings:
                yield ProfileSelection(
                    service.project_id, service.service_id, start, end, sample_type=sample_type, **narrowing
                )


def answers(instances: list[Instance]) -> list[object]:
    found: list[object] = [comparable(queries.merged(selection)) for selection in questions(instances)]
    whole = next(questions(instances))
    for buckets in (8, 24, 50):
        growth = queries.site_growth(whole, buckets=buckets, limit=10)
        found.append((growth.sites, growth.ts.tolist(), np.round(growth.values, 3).tolist()))
    infos = queries.snapshots(whole, limit=5_000)
    found.append([(one.id, one.release, one.stacks, sorted(one.totals.items())) for one in infos])
    found.append([comparable(queries.merged(
        ProfileSelection(whole.project_id, whole.service_id, whole.start, whole.end, snapshot_id=one.id)
    )) for one in infos[::25]])  # fmt: skip
    return found


def test_every_answer_is_the_same_before_and_after(stored: list[Instance]) -> None:
    before = answers(stored)
    assert compact_everything(stored) > 20
    assert [d for d in due_windows(LATER) if d.service == key_of(stored)] == []
    assert [d for d in due_hours(LATER) if d.service == key_of(stored)] == []
    assert answers(stored) == before


def test_every_answer_is_the_same_without_hot_partitions(stored: list[Instance]) -> None:
    before = answers(stored)
    compact_everything(stored)
    maintain_partitions(LATER)
    assert not [p for p in partitions(HOT) if p.start <= START < p.end]
    assert answers(stored) == before


def test_late_profiles_are_merged_into_sealed_windows(instances: list[Instance]) -> None:
    first, second, _ = instances
    life = arrivals(first, a_life(1, 60), START)
    other = arrivals(second, a_life(2, 60), START)
    late = life[4:6] + life[14:15] + life[39:40] + other[29:31]
    on_time = [one for one in life + other if one not in late]
    store_profiles(on_time, now=LATER)
    compact_everything(instances)
    maintain_partitions(LATER)
    store_profiles(late, now=LATER)
    waiting = answers(instances)
    compact_everything(instances)
    merged = answers(instances)
    assert merged == waiting
    assert isinstance(store_profiles(late[:1], now=LATER)[0], AlreadyStored)
    maintain_partitions(LATER)
    assert isinstance(store_profiles(late[:1], now=LATER)[0], AlreadyStored)
    compact_everything(instances)
    assert answers(instances) == merged

    fresh_project = Project.objects.create(name="Twin", slug="twin")
    twins = [
        observe_instance(
            fresh_project.pk,
            InstanceIdentity("cart", one.key, START, one.release, labels=one.labels),
            at=START,
        )
        for one in instances
    ]
    twin_of = {one.pk: twin for one, twin in zip(instances, twins, strict=True)}
    store_profiles(
        [ProfileArrival(twin_of[a.instance.pk], a.taken_at, a.body) for a in life + other], now=LATER
    )
    compact_everything(twins)
    straight = [comparable(queries.merged(selection)) for selection in questions(twins)]
    assert straight == [comparable(queries.merged(selection)) for selection in questions(instances)]


def test_two_workers_do_each_window_once(stored: list[Instance]) -> None:
    service = key_of(stored)
    windows = [due.at for due in due_windows(LATER) if due.service == service]
    outcomes: list[tuple[datetime, Outcome]] = []

    def work() -> None:
        try:
            for window_at in windows:
                outcome = compact_window(service, window_at)
                while outcome is Outcome.BUSY:
                    outcome = compact_window(service, window_at)
                outcomes.append((window_at, outcome))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done = sorted(window_at for window_at, outcome in outcomes if outcome is Outcome.DONE)
    assert done == sorted(windows)


def test_a_crash_in_the_middle_leaves_nothing(
    stored: list[Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(stored)
    window_at = window_of(START + timedelta(minutes=25))
    real = compaction._write_window_sums

    def crash(*arguments: object) -> None:
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(compaction, "_write_window_sums", crash)
    with pytest.raises(KeyboardInterrupt):
        compact_window(key_of(stored), window_at)
    monkeypatch.undo()
    with binary_cursor() as cursor:
        rows = cursor.execute(
            "SELECT count(*) FROM profiles_chunk WHERE service_id = %s", (stored[0].service_id,)
        ).fetchall()
    assert rows == [(0,)]
    assert answers(stored) == before


def test_ingest_during_compaction_is_not_lost(instances: list[Instance]) -> None:
    """A profile that commits after compaction looked is pending afterwards, whatever the order of commits."""
    first = instances[0]
    life = arrivals(first, a_life(1, 5), START)
    store_profiles(life[:3], now=LATER)
    ready, go = threading.Event(), threading.Event()

    def slow_writer() -> None:
        try:
            with transaction.atomic():
                store_profiles(life[3:], now=LATER)
                ready.set()
                go.wait(10)
        finally:
            connection.close()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    ready.wait(10)
    assert compact_window(key_of(instances), window_of(START)) is Outcome.DONE
    go.set()
    writer.join()
    service = key_of(instances)
    selection = ProfileSelection(service.project_id, service.service_id, START, START + timedelta(minutes=20))
    assert len(queries.snapshots(selection)) == 5
    assert compact_window(service, window_of(START)) is Outcome.DONE
    assert len(queries.snapshots(selection)) == 5
