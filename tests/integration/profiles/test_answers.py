"""An answer about a closed range is remembered until any of the data that it came from changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from django.db import transaction

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance
from profiler_server.core.grouping import Granularity
from profiler_server.profiles import queries
from profiler_server.profiles.actions.compact_service import compact_service
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.profiles.answers import ANSWERS, Answers
from profiler_server.profiles.due import due_windows
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.queries import ProfileSelection
from profiler_server.storage.times import hour_of
from tests.integration.profiles.building import NOW, go_profile

pytestmark = pytest.mark.django_db(transaction=True)
START = hour_of(NOW) - timedelta(hours=4)
HOUR = timedelta(hours=1)


@pytest.fixture
def instance() -> Iterator[Instance]:
    forget_instances()
    ANSWERS.clear()
    project = Project.objects.create(name="Shop", slug="shop")
    one = observe_instance(project.pk, InstanceIdentity("cart", "h:1", START, "v1"), at=START)
    for minute in range(0, 60, 5):
        store(one, minute)
    yield one
    ANSWERS.clear()
    forget_instances()


def store(instance: Instance, minute: float) -> None:
    store_profiles(
        [ProfileArrival(instance, START + timedelta(minutes=minute), go_profile(seed=round(minute)))]
    )


def over(instance: Instance, hours: int = 1, **options: object) -> ProfileSelection:
    return ProfileSelection(instance.project_id, instance.service_id, START, START + hours * HOUR, **options)


def test_the_same_question_has_the_same_answer_at_once(instance: Instance) -> None:
    selection = over(instance)
    before = over(instance, sample_type="alloc_space")
    assert queries.flame(selection) is queries.flame(selection)
    assert queries.diff(selection, selection) is queries.diff(selection, selection)
    assert queries.site_growth(selection, buckets=6) is queries.site_growth(selection, buckets=6)
    assert queries.top(selection)[0] is queries.top(selection)[0]
    function = queries.top(selection)[0].frame.function
    assert queries.callers(selection, function)[0] is queries.callers(selection, function)[0]
    assert queries.top(before) != queries.top(selection)
    assert queries.flame(selection, max_nodes=5) is not queries.flame(selection)
    lines = queries.flame(selection, granularity=Granularity.LINE)
    assert len(lines.value) >= len(queries.flame(selection).value)


def test_late_data_is_in_the_next_answer(instance: Instance) -> None:
    selection = over(instance)
    first = queries.flame(selection)
    store(instance, 7.5)
    second = queries.flame(selection)
    assert not np.array_equal(first.value, second.value)
    windows = [due.at for due in due_windows(NOW + 3 * HOUR)]
    compact_service(ServiceKey(instance.project_id, instance.service_id), windows, now=NOW + 3 * HOUR)
    third = queries.flame(selection)
    assert third is not second
    assert third.value.tolist() == second.value.tolist()
    assert queries.flame(selection) is third
    store(instance, 12.5)
    assert queries.flame(selection).value.tolist() != third.value.tolist()


def test_increases_depend_on_what_came_before_the_range(instance: Instance) -> None:
    selection = ProfileSelection(
        instance.project_id, instance.service_id, START + timedelta(minutes=30), START + HOUR,
        sample_type="alloc_space",
    )  # fmt: skip
    first = queries.flame(selection)
    store(instance, 29)
    assert queries.flame(selection).value.tolist() != first.value.tolist()


def test_a_range_that_is_not_over_is_asked_anew(instance: Instance) -> None:
    selection = over(instance, hours=9)
    assert queries.flame(selection) is not queries.flame(selection)


def test_nothing_is_remembered_of_an_open_transaction(instance: Instance) -> None:
    selection = over(instance)
    with transaction.atomic():
        store(instance, 7.5)
        uncommitted = queries.flame(selection)
        transaction.set_rollback(True)
    assert queries.flame(selection).value.tolist() != uncommitted.value.tolist()


def test_what_was_not_asked_for_the_longest_is_forgotten() -> None:
    answers = Answers(max_weight=100)
    for number in range(11):
        answers.keep((number,), number, 10)
        assert answers.find((0,), int) == 0
    assert answers.find((1,), int) is None
    assert answers.find((10,), int) == 10
    answers.keep(("heavy",), 1, 11)
    answers.keep(None, 1, 1)
    assert answers.find(("heavy",), int) is None
    assert answers.find(None, int) is None
