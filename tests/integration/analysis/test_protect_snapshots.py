"""The snapshots that tell a story outlive retention."""

from __future__ import annotations

from datetime import timedelta

import pytest

from profiler_server.analysis.actions.protect_snapshots import (
    LATE,
    MAX_MARKERS_AT_ONCE,
    protect_ends,
    protect_finding,
)
from profiler_server.catalog.models import Instance, MarkerKind
from profiler_server.catalog.models import Marker as MarkerRow
from profiler_server.core.leak import Marker
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.profiles.queries import ProfileSelection, snapshots
from tests.integration.analysis.findings import NOW, a_finding, a_live_instance, a_service
from tests.integration.ingest.pushes import a_heap_profile

pytestmark = pytest.mark.django_db


def an_hour_of_profiles() -> Instance:
    instance = a_live_instance(a_service())
    times = [NOW - timedelta(minutes=minutes) for minutes in range(60, 0, -5)]
    store_profiles([ProfileArrival(instance, at, a_heap_profile()) for at in times])
    return instance


def reasons(instance: Instance) -> list[tuple[int, tuple[str, ...]]]:
    """Return (minutes ago, reasons) of the snapshots that are kept, oldest first."""
    selection = ProfileSelection(instance.project_id, instance.service_id, NOW - timedelta(hours=2), NOW)
    kept = [info for info in snapshots(selection) if info.reasons]
    return sorted(((int((NOW - i.taken_at).total_seconds() // 60), i.reasons) for i in kept), reverse=True)


def test_those_around_a_finding_are_kept() -> None:
    instance = an_hour_of_profiles()
    found = a_finding(instance.service)
    protect_finding(instance.service, found, NOW - timedelta(minutes=32))
    assert reasons(instance) == [(m, (f"finding:{found.pk}",)) for m in (45, 40, 35, 30, 25, 20)]


def test_those_before_a_kill_are_kept_once() -> None:
    instance = an_hour_of_profiles()
    kill = Marker((NOW - timedelta(minutes=1)).timestamp(), MarkerKind.OOM)
    protect_ends(instance.service, (kill,), since=None)
    assert reasons(instance) == [(m, ("oom",)) for m in (15, 10, 5)]
    protect_ends(instance.service, (kill,), since=NOW)
    assert len(reasons(instance)) == 3


def test_a_kill_that_is_known_late_keeps_its_snapshots() -> None:
    """A process falls silent, others report on: by the time that it is known to be dead newer data have been seen."""
    instance = an_hour_of_profiles()
    kill = Marker((NOW - timedelta(minutes=1)).timestamp(), MarkerKind.OOM)
    protect_ends(instance.service, (kill,), since=NOW)
    assert reasons(instance) == [(m, ("oom",)) for m in (15, 10, 5)]


def test_an_old_kill_is_not_looked_at_again() -> None:
    instance = an_hour_of_profiles()
    kill = Marker((NOW - LATE - timedelta(minutes=1)).timestamp(), MarkerKind.OOM)
    protect_ends(instance.service, (kill,), since=NOW)
    assert reasons(instance) == []


def test_notes_and_deploys_keep_nothing() -> None:
    instance = an_hour_of_profiles()
    protect_ends(
        instance.service, (Marker(NOW.timestamp(), "note"), Marker(NOW.timestamp(), "deploy")), since=None
    )
    assert reasons(instance) == []


def test_a_service_that_restarts_all_the_time_fills_no_disk() -> None:
    instance = an_hour_of_profiles()
    for i in range(30):
        MarkerRow.objects.create(
            project_id=instance.project_id, service=instance.service, instance=instance, kind="restart",
            at=NOW - timedelta(minutes=i + 1),
        )  # fmt: skip
    markers = tuple(Marker((NOW - timedelta(minutes=i + 1)).timestamp(), "restart") for i in range(30))
    protect_ends(instance.service, markers[::-1], since=None)
    assert reasons(instance) == []
    assert MAX_MARKERS_AT_ONCE < 30
