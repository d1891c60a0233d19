"""A service's dictionary in memory follows what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance
from profiler_server.profiles import queries
from profiler_server.profiles.actions.compact_service import compact_service
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.profiles.dictionary import dictionary_of
from profiler_server.profiles.due import due_windows
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.queries import ProfileSelection
from profiler_server.storage.times import hour_of
from tests.integration.profiles.building import NOW, go_profile

pytestmark = pytest.mark.django_db(transaction=True)
START = hour_of(NOW) - timedelta(hours=4)


@pytest.fixture
def instance() -> Iterator[Instance]:
    forget_instances()
    project = Project.objects.create(name="Shop", slug="shop")
    yield observe_instance(project.pk, InstanceIdentity("cart", "h:1", START, "v1"), at=START)
    forget_instances()


def store(instance: Instance, minute: int, *, stacks: int) -> None:
    profile = go_profile(seed=minute, stacks=stacks)
    store_profiles([ProfileArrival(instance, START + timedelta(minutes=minute), profile)])


def sites_in_answer(instance: Instance) -> int:
    selection = ProfileSelection(instance.project_id, instance.service_id, START, START + timedelta(hours=2))
    return len(queries.merged(selection).stacks.offsets) - 1


def test_stacks_that_come_after_the_first_question_are_answered_too(instance: Instance) -> None:
    """A process that has answered once reads what call sites came since, hot and compacted alike."""
    service = ServiceKey(instance.project_id, instance.service_id)
    store(instance, 1, stacks=20)
    found = [sites_in_answer(instance)]
    store(instance, 2, stacks=50)
    found.append(sites_in_answer(instance))
    store(instance, 3, stacks=90)
    later = NOW + timedelta(hours=3)
    assert compact_service(service, [due.at for due in due_windows(later)], now=later)
    found.append(sites_in_answer(instance))
    store(instance, 70, stacks=130)
    found.append(sites_in_answer(instance))
    assert found == sorted(set(found))
    assert len(dictionary_of(service)) == 130


def test_an_unchanged_dictionary_is_the_same_object(instance: Instance) -> None:
    service = ServiceKey(instance.project_id, instance.service_id)
    store(instance, 1, stacks=20)
    assert dictionary_of(service) is dictionary_of(service)
