"""Hearing of an instance makes what is needed once, and notes what changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from profiler_server.accounts.models import Project
from profiler_server.catalog import queries
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance, Marker, Release, Service
from profiler_server.core.errors import NotFound

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
IDENTITY = InstanceIdentity("cart", "h:1", NOW - HOUR, "v1", "go", {"zone": "a"}, 1 << 30, "plimsoll/0.1")


@pytest.fixture
def project(db: None) -> Iterator[Project]:
    forget_instances()
    yield Project.objects.create(name="Shop", slug="shop")
    forget_instances()


def test_the_first_word_makes_everything(project: Project) -> None:
    instance = observe_instance(project.pk, IDENTITY, at=NOW)
    service = queries.service_by_name(project.pk, "cart")
    assert (service.language, instance.service_id) == ("go", service.pk)
    assert instance.labels == {"zone": "a"}
    assert [one.version for one in queries.releases(service.pk)] == ["v1"]
    assert queries.markers(service.pk, NOW - 24 * HOUR, NOW + HOUR) == []
    assert queries.instances(service.pk, NOW - HOUR, NOW + HOUR) == [instance]
    assert queries.instances(service.pk, NOW + HOUR, NOW + 2 * HOUR) == []


def test_later_words_widen_the_time_and_keep_the_row(project: Project) -> None:
    first = observe_instance(project.pk, IDENTITY, at=NOW)
    again = observe_instance(project.pk, replace(IDENTITY, memory_limit_bytes=2 << 30), at=NOW + HOUR)
    observe_instance(project.pk, IDENTITY, at=NOW - HOUR)
    kept = Instance.objects.get()
    assert first.pk == again.pk == kept.pk
    assert (kept.first_seen_at, kept.last_seen_at) == (NOW - HOUR, NOW + HOUR)
    release = Release.objects.get()
    assert (release.first_seen_at, release.last_seen_at) == (NOW - HOUR, NOW + HOUR)


def test_a_new_release_is_a_deploy(project: Project) -> None:
    observe_instance(project.pk, IDENTITY, at=NOW)
    newer = replace(IDENTITY, key="h:2", release="v2")
    observe_instance(project.pk, newer, at=NOW + HOUR)
    observe_instance(project.pk, replace(newer, key="h:3"), at=NOW + HOUR)
    assert [(one.kind, one.version, one.at) for one in Marker.objects.all()] == [("deploy", "v2", NOW + HOUR)]


def test_a_new_life_under_a_known_key_is_a_restart(project: Project) -> None:
    observe_instance(project.pk, IDENTITY, at=NOW)
    observe_instance(project.pk, replace(IDENTITY, started_at=NOW), at=NOW + HOUR)
    assert [(one.kind, one.at) for one in Marker.objects.all()] == [("restart", NOW)]
    assert Instance.objects.count() == 2


def test_services_of_other_projects_are_not_seen(project: Project) -> None:
    other = Project.objects.create(name="Other", slug="other")
    observe_instance(other.pk, IDENTITY, at=NOW)
    assert queries.services(project.pk) == []
    with pytest.raises(NotFound):
        queries.service_by_name(project.pk, "cart")


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_row() -> None:
    forget_instances()
    project = Project.objects.create(name="Shop", slug="shop")
    found: list[int] = []

    def hear() -> None:
        try:
            found.append(observe_instance(project.pk, IDENTITY, at=NOW).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=hear) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 6
    assert len(set(found)) == Instance.objects.count() == Service.objects.count() == 1
    forget_instances()
