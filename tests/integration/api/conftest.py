"""One service with ten growing profiles, a member, a token and a stranger."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from profiler_server.accounts.actions.create_token import create_token
from profiler_server.accounts.models import Membership, Project, Role
from profiler_server.catalog.actions.observe_instance import forget_instances, observe_instance
from profiler_server.catalog.identity import InstanceIdentity
from profiler_server.catalog.models import Marker
from profiler_server.core.points import point_batch
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.series.actions.store_points import store_points
from tests.integration.api.shelf import Shelf, growing, moments, whole_second


def _client(project: Project, name: str) -> Client:
    user = User.objects.create(username=name)  # no password: hashing one takes most of a second
    Membership.objects.create(project=project, user=user, role=Role.VIEWER)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def _static_root(settings: Settings) -> None:
    """Nothing was collected here, and nothing is served; only the folder must exist."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def shelf(db: None, clean_caches: None) -> Shelf:
    forget_instances()
    project = Project.objects.create(name="Shop", slug="shop")
    bank = Project.objects.create(name="Bank", slug="bank")
    _, token = create_token(project, "ci")
    now = whole_second()
    identity = InstanceIdentity(
        "shop", "web-1", now - timedelta(hours=1), release="v7", language="python", labels={"zone": "eu"}
    )
    taken = moments(now)
    instance = observe_instance(project.pk, identity, at=taken[0])
    store_profiles([ProfileArrival(instance, at, growing(step)) for step, at in enumerate(taken)])
    ts = now.timestamp() - 3000 + 10.0 * np.arange(300)
    columns = {"rss_bytes": (2e8 + 1e5 * np.arange(300)).tolist(), "requests": [20.0] * 300}
    store_points(instance, point_batch(ts.tolist(), columns))
    instance = observe_instance(project.pk, identity, at=now)
    Marker.objects.create(project=project, service=instance.service, at=taken[3], kind="deploy", version="v7")
    return Shelf(
        _client(project, "vera"), _client(bank, "sam"), token, instance, now - timedelta(minutes=55), now
    )
