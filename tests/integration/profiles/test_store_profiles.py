"""Profiles go in once and come out as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance
from profiler_server.catalog.models import Instance
from profiler_server.codecs import pprof
from profiler_server.core.errors import InvalidProfile, NotFound
from profiler_server.profiles import queries
from profiler_server.profiles.actions.store_profiles import (
    AlreadyStored,
    ProfileArrival,
    Stored,
    store_profiles,
)
from profiler_server.profiles.queries import ProfileSelection
from tests.integration.profiles.building import NOW, comparable, go_profile, python_profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance() -> Instance:
    project = Project.objects.create(name="Shop", slug="shop")
    identity = InstanceIdentity(service="cart", key="h:1", started_at=NOW - timedelta(hours=2), release="v1")
    return observe_instance(project.pk, identity, at=NOW)


def selection(instance: Instance, **options: object) -> ProfileSelection:
    return ProfileSelection(
        instance.project_id,
        instance.service_id,
        NOW - timedelta(minutes=30),
        NOW + timedelta(minutes=1),
        **options,
    )


@pytest.mark.parametrize("make", [go_profile, python_profile])
def test_a_snapshot_comes_back_as_it_was(instance: Instance, make: object) -> None:
    profile = make(seed=1)
    (stored,) = store_profiles([ProfileArrival(instance, NOW, pprof.encode(profile))], now=NOW)
    assert isinstance(stored, Stored)
    back = queries.merged(selection(instance, snapshot_id=str(stored.snapshot_id)))
    assert comparable(back) == comparable(profile)


def test_the_same_profile_again_changes_nothing(instance: Instance) -> None:
    arrival = ProfileArrival(instance, NOW, pprof.encode(go_profile(seed=1)))
    first, second = store_profiles([arrival, arrival], now=NOW)
    (third,) = store_profiles([arrival], now=NOW)
    assert isinstance(first, Stored)
    assert second == third == AlreadyStored(first.snapshot_id)
    assert len(queries.snapshots(selection(instance))) == 1


def test_in_use_is_averaged_over_time_and_summed_over_instances(instance: Instance) -> None:
    other = observe_instance(
        instance.project_id, InstanceIdentity("cart", "h:2", NOW - timedelta(hours=1)), at=NOW
    )
    profile = python_profile(seed=3)
    arrivals = [
        ProfileArrival(one, NOW - timedelta(seconds=15 * step), profile)
        for one in (instance, other)
        for step in range(8)
    ]
    store_profiles(arrivals, now=NOW)
    total = queries.merged(selection(instance, sample_type="inuse_space")).values.sum()
    column = [kind.name for kind in profile.sample_types].index("inuse_space")
    assert total == 2 * profile.values[:, column].sum()
    tree = queries.flame(selection(instance, sample_type="inuse_space"), max_nodes=50)
    assert tree.value[0] == total
    assert len(tree.parent) <= 50


def test_times_outside_the_retention_are_refused(instance: Instance) -> None:
    body = pprof.encode(go_profile(seed=1))
    with pytest.raises(InvalidProfile, match="not kept any more"):
        store_profiles([ProfileArrival(instance, NOW - timedelta(days=40), body)], now=NOW)
    with pytest.raises(InvalidProfile, match="clock"):
        store_profiles([ProfileArrival(instance, NOW + timedelta(hours=2), body)], now=NOW)
    with pytest.raises(NotFound):
        queries.merged(selection(instance, snapshot_id="1-2-3"))


def test_nothing_is_kept_of_a_broken_body(instance: Instance) -> None:
    good = ProfileArrival(instance, NOW, pprof.encode(go_profile(seed=1)))
    with pytest.raises(InvalidProfile):
        store_profiles([good, ProfileArrival(instance, NOW, b"not a profile")], now=NOW)
    assert queries.snapshots(selection(instance)) == []


def test_growth_names_the_site_that_grows(instance: Instance) -> None:
    base = python_profile(seed=5)
    column = [kind.name for kind in base.sample_types].index("inuse_space")
    arrivals = []
    for step in range(10):
        values = base.values.copy()
        values[0, column] += step * 1_000_000
        arrivals.append(
            ProfileArrival(
                instance, NOW - timedelta(minutes=20 - 2 * step), python_profile(seed=5, values=values)
            )
        )
    store_profiles(arrivals, now=NOW)
    growth = queries.site_growth(selection(instance), buckets=15, limit=3)
    assert growth.sites[0] == base.stacks.stack(int(base.stack_ids[0]))
    assert growth.values[0, -1] - growth.values[0, 0] > 8_000_000
    assert growth.values.shape == (3, len(growth.ts))


def test_an_old_profile_is_found_where_it_belongs(instance: Instance) -> None:
    at = NOW - timedelta(days=3, hours=7)
    store_profiles([ProfileArrival(instance, at, go_profile(seed=2))], now=NOW)
    window = ProfileSelection(
        instance.project_id, instance.service_id, at - timedelta(hours=1), at + timedelta(hours=1)
    )
    assert [one.taken_at for one in queries.snapshots(window)] == [at]
    assert queries.top(window, limit=5)
    assert datetime.now(UTC) > at
