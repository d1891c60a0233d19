"""Builders for findings, the services that they are of, and the people who deal with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from profiler_server.accounts.models import Membership, Project, Role
from profiler_server.analysis.actions.change_finding import record_event
from profiler_server.analysis.models import EventKind, Finding, ServiceWatch
from profiler_server.catalog.models import Instance, Service

NOW = datetime.now(UTC).replace(microsecond=0)


def a_project(slug: str = "shop") -> Project:
    return Project.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def a_member(project: Project, name: str = "ada", role: Role = Role.ENGINEER) -> User:
    user = User.objects.create_user(name, f"{name}@example.com", "secret-words-1")
    Membership.objects.create(project=project, user=user, role=role)
    return user


def a_service(project: Project | None = None, name: str = "checkout", **changes: Any) -> Service:
    service = Service.objects.create(project=project or a_project(), name=name, **changes)
    ServiceWatch.objects.create(service=service, project_id=service.project_id)
    return service


def a_live_instance(service: Service, key: str = "host:1", **changes: Any) -> Instance:
    seen = datetime.now(UTC)
    values: dict[str, Any] = {
        "project_id": service.project_id,
        "service": service,
        "key": key,
        "started_at": seen - timedelta(hours=5),
        "first_seen_at": seen - timedelta(hours=5),
        "last_seen_at": seen,
        "release": "2.4.0",
        "language": "python",
    }
    return Instance.objects.create(**{**values, **changes})


def a_finding(service: Service, *, announced: bool = False, **changes: Any) -> Finding:
    """Return an open heap leak with one suspect; its opening is still to be announced unless `announced`."""
    values: dict[str, Any] = {
        "project_id": service.project_id,
        "service": service,
        "family": "heap",
        "diagnosis": "heap_leak",
        "started_at": NOW - timedelta(hours=3),
        "detected_at": NOW - timedelta(minutes=10),
        "updated_at": NOW,
        "growth_bytes_per_hour": 48.0 * 2**20,
        "growth_low": 44.0 * 2**20,
        "growth_high": 52.0 * 2**20,
        "bytes_per_request": 1843.0,
        "forecast_made_at": NOW,
        "forecast_p10_at": NOW + timedelta(hours=3),
        "forecast_p50_at": NOW + timedelta(hours=4),
        "forecast_p90_at": NOW + timedelta(hours=6),
        "limit_bytes": 512 << 20,
        "first_release": "2.4.0",
        "suspects": [
            {
                "function": "remember_order",
                "file": "/srv/shop/orders.py",
                "line": 42,
                "path": ["handle", "serve"],
                "growth_bytes_per_hour": 45.0 * 2**20,
                "share": 0.94,
                "flat_bytes": 1e8,
            }
        ],
        "evidence": {"signal": "heap_live_bytes", "floor": [], "latency_correlation": 0.8},
        "verdict": "checkout leaks 48 MiB/h in remember_order.",
    }
    found = Finding.objects.create(**{**values, **changes})
    event = record_event(found, EventKind.OPENED, at=found.detected_at, text=found.verdict)
    if announced:
        event.announced_at = NOW
        event.save()
    return found
