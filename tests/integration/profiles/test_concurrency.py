"""Many writers at once: dense ids, nothing twice, no deadlock; a process that dies loses nothing acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
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
from profiler_server.codecs import pprof
from profiler_server.core.profile import Profile
from profiler_server.profiles import queries
from profiler_server.profiles.actions.store_profiles import ProfileArrival, Stored, store_profiles
from profiler_server.profiles.known_sites import forget_sites
from profiler_server.profiles.queries import ProfileSelection
from profiler_server.storage.sql import binary_cursor
from tests.integration.profiles.building import NOW, comparable, python_profile

pytestmark = pytest.mark.django_db(transaction=True)
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "pprof"
WRITERS = 6


@pytest.fixture
def instance() -> Iterator[Instance]:
    forget_instances()
    project = Project.objects.create(name="Shop", slug="shop")
    yield observe_instance(project.pk, InstanceIdentity("cart", "h:1", NOW - timedelta(hours=2)), at=NOW)
    forget_instances()


def part_of(profile: Profile, rows: list[int]) -> Profile:
    """Some of the samples, in another order."""
    which = np.array(rows)
    return replace(
        profile,
        stack_ids=profile.stack_ids[which],
        values=profile.values[which],
        label_ids=profile.label_ids[which],
    )


def test_concurrent_writers_give_dense_ids(instance: Instance) -> None:
    """Overlapping stacks from many threads, each in its own order."""
    profile = python_profile(seed=1, stacks=400)
    outcomes: list[object] = []

    def write(number: int) -> None:
        rng = np.random.default_rng(number)
        try:
            for step in range(6):
                rows = rng.permutation(400)[:200].tolist()
                at = NOW - timedelta(seconds=10 * step + number)
                outcomes.extend(
                    store_profiles([ProfileArrival(instance, at, part_of(profile, rows))], now=NOW)
                )
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == WRITERS * 6
    with binary_cursor() as cursor:
        rows = cursor.execute(
            "SELECT count(*), max(site_id) + 1, count(DISTINCT digest), (SELECT next_site FROM profiles_dictionary"
            " WHERE service_id = %(s)s) FROM profiles_site WHERE service_id = %(s)s",
            {"s": instance.service_id},
        ).fetchall()
    made = len({row for n in range(WRITERS) for row in _rows_of(n)})
    assert rows == [(made, made, made, made)]


def _rows_of(number: int) -> list[int]:
    rng = np.random.default_rng(number)
    return [row for _ in range(6) for row in rng.permutation(400)[:200].tolist()]


def test_the_same_profile_from_many_threads_is_stored_once(instance: Instance) -> None:
    body = pprof.encode(python_profile(seed=2))
    outcomes: list[object] = []

    def write() -> None:
        try:
            outcomes.extend(store_profiles([ProfileArrival(instance, NOW, body)], now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(isinstance(outcome, Stored) for outcome in outcomes) == 1
    assert len(outcomes) == WRITERS


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.pb.gz")), ids=lambda path: path.name)
def test_known_stacks_give_what_decoding_gives(instance: Instance, path: Path) -> None:
    """The ways of reading a body agree: everything new, everything known, known in the same order, and decoded."""
    body = path.read_bytes()
    whole = pprof.decode(body)
    forget_sites()
    stored = []
    for step in range(4):
        arrived: bytes | Profile = whole if step == 3 else body
        at = NOW - timedelta(minutes=step)
        stored += store_profiles([ProfileArrival(instance, at, arrived)], now=NOW)
    span = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    found = [
        queries.merged(
            ProfileSelection(
                instance.project_id, instance.service_id, *span, snapshot_id=str(one.snapshot_id)
            )
        )
        for one in stored
    ]
    bags = [summed(profile) for profile in found]
    assert bags[0] == bags[1] == bags[2] == bags[3] == summed(whole)


def summed(profile: Profile) -> dict[tuple[object, ...], tuple[int, ...]]:
    """Values by stack and labels, added up, without zeros."""
    totals: dict[tuple[object, ...], np.ndarray] = {}
    for (stack, labels, values), count in comparable(profile).items():
        totals[(stack, labels)] = totals.get((stack, labels), 0) + np.array(values) * count
    return {key: tuple(total.tolist()) for key, total in totals.items() if total.any()}


KILLED = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "profiler_server.config.settings"
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from datetime import datetime, timedelta
from profiler_server.catalog.models import Instance
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from tests.integration.profiles.building import python_profile
now = datetime.fromisoformat(sys.argv[3])
instance = Instance.objects.get(pk=int(sys.argv[2]))
for step in range(100_000):
    profile = python_profile(seed=step, stacks=30 + step % 50)
    (outcome,) = store_profiles([ProfileArrival(instance, now - timedelta(milliseconds=step), profile)], now=now)
    print(outcome.snapshot_id, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_acknowledged(instance: Instance) -> None:
    name = str(settings.DATABASES["default"]["NAME"])
    command = [sys.executable, "-c", KILLED, name, str(instance.pk), NOW.isoformat()]
    root = Path(__file__).resolve().parents[3]
    environment = os.environ | {"PLIMSOLL_DATA_DIR": str(settings.ENV.data_dir), "PYTHONPATH": str(root)}
    writer = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(40)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [
        line.strip() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")
    ]
    writer.stdout.close()
    writer.wait(10)
    span = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    selection = ProfileSelection(instance.project_id, instance.service_id, *span)
    kept = {one.id for one in queries.snapshots(selection, limit=10_000)}
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + 1
    for snapshot in sorted(kept)[-3:]:
        queries.merged(
            ProfileSelection(instance.project_id, instance.service_id, *span, snapshot_id=snapshot)
        )
