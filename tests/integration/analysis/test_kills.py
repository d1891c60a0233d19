"""Kills for lack of memory are seen, marked once, and the last snapshots before them are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from profiler_server.analysis.actions.evaluate_service import evaluate_service
from profiler_server.analysis.models import ServiceWatch
from profiler_server.catalog.models import Instance, Marker, Service
from profiler_server.core.points import PointBatch
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.profiles.queries import ProfileSelection, snapshots
from profiler_server.series.actions.store_points import store_points
from tests.integration.analysis.findings import a_live_instance, a_service
from tests.integration.ingest.pushes import a_heap_profile

pytestmark = pytest.mark.django_db
MIB = 2.0**20
NOW = datetime.now(UTC).replace(microsecond=0)


def a_life(
    service: Service, key: str, begin: datetime, *, last_mib: float, kills: list[float] | None = None
) -> Instance:
    """Store twenty minutes of a life whose memory climbs to `last_mib`, with a profile every four minutes."""
    end = begin + timedelta(minutes=20)
    instance = a_live_instance(
        service,
        key,
        started_at=begin,
        first_seen_at=begin,
        last_seen_at=end,
        memory_limit_bytes=int(200 * MIB),
    )
    ts = begin.timestamp() + 10.0 * np.arange(121)
    columns = {"rss_bytes": np.linspace(50 * MIB, last_mib * MIB, len(ts))}
    if kills is not None:
        columns["cgroup_oom_kills"] = np.interp(np.arange(len(ts)), [0, 59, 60, 120], kills)
    store_points(instance, PointBatch(ts, columns))
    store_profiles(
        [ProfileArrival(instance, begin + timedelta(minutes=m), a_heap_profile()) for m in range(4, 20, 4)]
    )
    return instance


def test_a_life_that_ends_at_its_limit_and_is_followed_by_another() -> None:
    service = a_service()
    killed = a_life(service, "a:1", NOW - timedelta(minutes=45), last_mib=196)
    a_life(service, "a:2", NOW - timedelta(minutes=24), last_mib=90)
    evaluate_service(service.pk)
    marker = Marker.objects.get(kind="oom")
    assert (marker.instance, marker.text) == (killed, "ended at 98 % of its limit and was started again")
    selection = ProfileSelection(service.project_id, service.pk, NOW - timedelta(hours=1), NOW)
    assert {s.instance_id for s in snapshots(selection) if "oom" in s.reasons} == {killed.pk} | {
        s.instance_id for s in snapshots(selection) if s.taken_at > marker.at and "oom" in s.reasons
    }
    assert sum("oom" in s.reasons for s in snapshots(selection) if s.instance_id == killed.pk) == 3
    ServiceWatch.objects.update(data_until=None)
    evaluate_service(service.pk)
    assert Marker.objects.filter(kind="oom").count() == 1


@pytest.mark.parametrize(("last_mib", "followed_by"), [(120, "v1"), (196, ""), (196, "v2")])
def test_other_ends_are_no_kills(last_mib: float, followed_by: str) -> None:
    service = a_service()
    first = a_life(service, "a:1", NOW - timedelta(minutes=45), last_mib=last_mib)
    Instance.objects.filter(pk=first.pk).update(release="v1")
    if followed_by:
        second = a_life(service, "a:2", NOW - timedelta(minutes=24), last_mib=90)
        Instance.objects.filter(pk=second.pk).update(release=followed_by)
    evaluate_service(service.pk)
    assert not Marker.objects.filter(kind="oom").exists()


def test_the_kernels_counter_tells() -> None:
    service = a_service()
    a_life(service, "a:1", NOW - timedelta(minutes=20), last_mib=60, kills=[1, 1, 2, 2])
    evaluate_service(service.pk)
    marker = Marker.objects.get(kind="oom")
    assert marker.at == NOW - timedelta(minutes=10)
