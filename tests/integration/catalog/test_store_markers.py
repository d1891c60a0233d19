"""Events that agents report: kept once each, a deploy for the whole service."""

from datetime import UTC, datetime, timedelta

import pytest

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance
from profiler_server.catalog.actions.store_markers import PushedMarker, store_markers
from profiler_server.catalog.models import Instance, Marker, MarkerKind

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def an_instance(release: str, seen_at: datetime) -> Instance:
    project, _ = Project.objects.get_or_create(name="Shop", slug="shop")
    identity = InstanceIdentity("shop", f"host:{release}", NOON, release=release)
    return observe_instance(project.pk, identity, at=seen_at)


def deploys() -> list[tuple[str, datetime]]:
    return list(Marker.objects.filter(kind=MarkerKind.DEPLOY).order_by("at").values_list("version", "at"))


def test_a_deploy_reported_by_many_instances_is_one() -> None:
    for seconds in range(3):
        at = NOON + timedelta(seconds=seconds)
        store_markers(an_instance("v1", at), [PushedMarker(at, "deploy", "v1")])
    assert deploys() == [("v1", NOON)]


def test_a_stated_deploy_replaces_the_time_at_which_the_release_was_first_seen() -> None:
    an_instance("v1", NOON)
    late = an_instance("v2", NOON + timedelta(hours=5))
    assert deploys() == [("v2", NOON + timedelta(hours=5))]
    store_markers(late, [PushedMarker(NOON + timedelta(hours=1), "deploy", "v2")])
    assert deploys() == [("v2", NOON + timedelta(hours=1))]


def test_the_same_version_deployed_again_is_a_second_deploy() -> None:
    instance = an_instance("v1", NOON)
    for hours in (0, 8):
        store_markers(instance, [PushedMarker(NOON + timedelta(hours=hours), "deploy", "v1")])
    assert deploys() == [("v1", NOON), ("v1", NOON + timedelta(hours=8))]


def test_a_repeated_push_changes_nothing() -> None:
    instance = an_instance("v1", NOON)
    for _ in range(2):
        store_markers(instance, [PushedMarker(NOON, "oom", text="killed")])
    assert Marker.objects.filter(kind=MarkerKind.OOM).count() == 1
