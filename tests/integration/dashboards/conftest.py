"""What the pages' tests share: a project with members of each role, a service with points, and a stranger's project."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from profiler_server.accounts.models import Membership, Project, Role
from profiler_server.analysis.models import EventKind, Family, Finding, FindingEvent
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.points import point_batch
from profiler_server.series.actions.store_points import store_points
from tests.integration.dashboards.shop import Shop

HOUR = 3600.0
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _fresh(settings: Settings) -> None:
    """Forget other tests' rows, and name static files plainly, for nothing was collected."""
    forget_instances()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # the real one is slow on purpose
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


def member(project: Project, name: str, role: Role) -> tuple[User, Client]:
    """Return a new member and a client logged in as it."""
    user = User.objects.create_user(name, f"{name}@example.org", "long-enough-1")
    Membership.objects.create(project=project, user=user, role=role)
    client = Client()
    client.force_login(user)
    return user, client


@pytest.fixture
def shop(db: None) -> Shop:
    project = Project.objects.create(name="Shop", slug="shop")
    other = Project.objects.create(name="Bank", slug="bank")
    user, admin = member(project, "ada", Role.ADMIN)
    _, engineer = member(project, "eve", Role.ENGINEER)
    _, viewer = member(project, "vera", Role.VIEWER)
    _, stranger = member(other, "sam", Role.ADMIN)
    return Shop(project, admin, engineer, viewer, stranger, user)


@pytest.fixture
def observe(shop: Shop) -> Callable[..., Instance]:
    """Return a function that stores an hour of points of one instance, ending now, and returns the instance."""

    def store(
        service: str = "checkout", key: str = "host:1", *, project: Project | None = None, **columns: float
    ) -> Instance:
        end = time.time() - 5.0
        ts = end - HOUR + 60.0 * np.arange(61)
        identity = InstanceIdentity(
            service, key, datetime.fromtimestamp(ts[0] - 60, UTC), release="v1", language="python"
        )
        values = {
            "rss_bytes": 300.0 * MIB,
            "heap_live_bytes": 200.0 * MIB,
            "requests": 600.0,
            "p99_ms": 20.0,
        } | columns
        batch = point_batch(ts.tolist(), {name: [value] * len(ts) for name, value in values.items()})
        instance = observe_instance(
            (project or shop.project).pk, identity, at=datetime.fromtimestamp(ts[0], UTC)
        )
        store_points(instance, batch)
        return observe_instance((project or shop.project).pk, identity, at=datetime.fromtimestamp(end, UTC))

    return store


@pytest.fixture
def leak(shop: Shop, observe: Callable[..., Instance]) -> Finding:
    """A finding in the service checkout, as an evaluation writes it."""
    instance = observe()
    service = Service.objects.get(pk=instance.service_id)
    now = datetime.now(UTC)
    finding = Finding.objects.create(
        project=shop.project, service=service, family=Family.HEAP, diagnosis="heap_leak",
        started_at=now - timedelta(hours=1), detected_at=now - timedelta(minutes=20), updated_at=now,
        growth_bytes_per_hour=50.0 * MIB, growth_low=40.0 * MIB, growth_high=60.0 * MIB, bytes_per_request=2048.0,
        forecast_made_at=now, forecast_p10_at=now + timedelta(hours=2), forecast_p50_at=now + timedelta(hours=3),
        forecast_p90_at=now + timedelta(hours=5), limit_bytes=512 * MIB, first_release="v1",
        suspects=[{"function": "shop.cache.put", "file": "shop/cache.py", "line": 41, "share": 0.93,
                   "path": ["shop.orders.load", "shop.app.handle"], "growth_bytes_per_hour": 46.0 * MIB,
                   "flat_bytes": 120.0 * MIB}],
        evidence=_evidence(now.timestamp()), verdict="Heap leak: 50 MiB an hour through shop.cache.put.",
    )  # fmt: skip
    FindingEvent.objects.create(finding=finding, at=now, kind=EventKind.OPENED, text="found")
    return finding


def _evidence(now: float) -> dict[str, object]:
    ts = [now - HOUR + 60.0 * step for step in range(60)]
    floor = [200.0 * MIB + 50.0 * MIB * step / 60 for step in range(60)]
    return {
        "signal": "heap_live_bytes",
        "floor": [
            {"instance": "host:1", "started_at": ts[0], "version": "v1", "ts": ts, "value": floor, "fitted": floor}
        ],
        "slope": None,
        "load": {"load_per_second": [1.0, 10.0], "floor_bytes": [1e8, 2e8], "lag_seconds": 300.0, "correlation": -0.2},
        "alternatives": [
            {"name": "load_following", "rejected": True, "margin": 9.0, "reason": "it rose while load fell"}
        ],
        "sites": {"explained": 0.93, "growing": 1, "tested": 12, "false_discovery_rate": 0.01},
        "log_evidence": 14.2, "log_threshold": 9.0, "replicas_growing": 1, "replicas": 1, "lives": 1,
        "latency_correlation": 0.8, "waterfall": {"live_heap": 2.5e8}, "undecided_until": None, "notes": [],
    }  # fmt: skip
