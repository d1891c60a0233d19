"""A project with a finding of every kind and state that the recordings alone do not bring about."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from profiler_server.accounts.models import Project
from profiler_server.analysis.models import (
    FAMILY_OF_DIAGNOSIS,
    EventKind,
    Family,
    Finding,
    FindingEvent,
    FindingStatus,
    ServiceWatch,
)
from profiler_server.catalog.models import Release, Service
from tests.browser.seed import make_project, replay, traces

MIB = 1 << 20
RECORDINGS = ("madvfree", "py-fragmentation", "cgo-malloc")
SEEN = timedelta(hours=2)
GROUP = {
    "function": "shop/render.(*Pool).get", "file": "shop/render/pool.go", "line": 41, "share": 0.62,
    "path": ["shop/render.Page", "net/http.HandlerFunc.ServeHTTP"], "below": ["bytes.growSlice"],
    "growth_bytes_per_hour": 9.0 * MIB, "flat_bytes": 60.0 * MIB,
    "members": [
        {"function": "shop/render.(*Pool).get", "file": "shop/render/pool.go", "line": 41, "share": 0.4},
        {"function": "shop/render.(*Pool).Get", "file": "shop/render/pool.go", "line": 18, "share": 0.22},
    ],
}  # fmt: skip
ALONE = {
    "function": "shop/render.Thumbnail", "file": "shop/render/thumb.go", "line": 97, "share": 0.3, "path": [],
    "growth_bytes_per_hour": 4.0 * MIB, "flat_bytes": 21.0 * MIB,
}  # fmt: skip


def make_kinds() -> None:
    """Make the project Specimens: recorded services, and findings as evaluations and people would have left them."""
    project, user = make_project("Specimens")
    services = [replay(project, trace, ends_at=time.time() - 20.0) for trace in traces(*RECORDINGS)]
    for service, other in zip(services, [*services[1:], services[0]], strict=True):
        _release(project, service, "v7", hours=9)
        _release(project, other, "v8", hours=1)
    by_name = {service.name: service for service in services}
    runtime, python, native = (by_name[name] for name in ("thumbnailer", "report-builder", "pdf-render"))
    _make(
        runtime,
        "runtime_retention",
        "No leak: runtime retention; the runtime holds pages that the program has freed.",
    )
    _make(
        runtime, "resource_leak", "Resource leak: 40 goroutines an hour, with every request.", signal="goroutines",
        growth_bytes_per_hour=40.0, growth_low=31.0, growth_high=48.0, bytes_per_request=0.012,
    )  # fmt: skip
    _regressed(
        _make(
            runtime, "heap_leak", "Heap leak: 13 MiB an hour through shop/render.", suspects=[GROUP, ALONE]
        ),
        user,
    )
    _make(
        python,
        "fragmentation",
        "No leak: live memory is flat, freed memory is held in fragments.",
        limit=True,
    )
    _resolved(
        _make(
            python, "heap_leak", "Heap leak since release v7: 9 MiB an hour.", suspects=[ALONE], limit=True
        ),
        user,
    )
    snoozed = _make(native, "high_water", "No leak: memory stays at its high-water mark.", limit=True)
    Finding.objects.filter(pk=snoozed.pk).update(
        status=FindingStatus.SNOOZED, snoozed_release="v8", assignee=user
    )


def _release(project: Project, service: Service, version: str, *, hours: float) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours)
    Release.objects.get_or_create(
        project=project, service=service, version=version, defaults={"first_seen_at": at, "last_seen_at": at}
    )


def _make(
    service: Service, diagnosis: str, verdict: str, *, signal: str = "", limit: bool = False, **fields: Any
) -> Finding:
    """Open a finding with the evidence of the service's own evaluation."""
    now = datetime.now(UTC)
    evidence: dict[str, Any] = dict(_evidence(service))
    evidence |= {"signal": signal or evidence.get("signal"), "undecided_until": now.timestamp() + 5400.0}
    values: Mapping[str, Any] = {
        "growth_bytes_per_hour": 13.0 * MIB, "growth_low": 9.0 * MIB, "growth_high": 16.0 * MIB,
        "bytes_per_request": 2100.0,
    } | fields  # fmt: skip
    family = FAMILY_OF_DIAGNOSIS[diagnosis]
    if family == Family.RETENTION:  # it does not grow: it stands near its limit
        values = dict.fromkeys(values) | {"limit_bytes": 512 * MIB}
        evidence |= {"limit_share": 0.95, "size_bytes": 0.95 * 512 * MIB}
    elif limit:
        hours = {"forecast_p10_at": 2, "forecast_p50_at": 3, "forecast_p90_at": 7}
        values = {**values, **{key: now + timedelta(hours=value) for key, value in hours.items()}}
        values = {**values, "forecast_made_at": now, "limit_bytes": 512 * MIB}
    found, _ = Finding.objects.update_or_create(
        service=service, family=family,
        defaults={"project": service.project, "diagnosis": diagnosis, "verdict": verdict, "evidence": evidence,
                  "started_at": now - 3 * SEEN, "detected_at": now - SEEN, "updated_at": now,
                  "first_release": "v7", **values},
    )  # fmt: skip
    FindingEvent.objects.create(finding=found, at=found.detected_at, kind=EventKind.OPENED, text=verdict)
    return found


def _evidence(service: Service) -> Mapping[str, Any]:
    watch = ServiceWatch.objects.get(service=service)
    return watch.evaluation.get("evidence") or {}


def _resolved(found: Finding, user: User) -> None:
    at = found.detected_at + SEEN / 2
    Finding.objects.filter(pk=found.pk).update(
        status=FindingStatus.RESOLVED, resolved_at=at, cured_by_release="v8"
    )
    for kind, text in (
        (EventKind.ACKNOWLEDGED, ""),
        (EventKind.COMMENTED, "Bounded the cache.\nRolled out as v8."),
    ):
        FindingEvent.objects.create(finding=found, at=at, kind=kind, actor=user, text=text)
    FindingEvent.objects.create(
        finding=found, at=at, kind=EventKind.RESOLVED, text="Release v8 does not grow."
    )


def _regressed(found: Finding, user: User) -> None:
    at = found.detected_at + SEEN / 2
    Finding.objects.filter(pk=found.pk).update(reopened_at=at, episode=2)
    FindingEvent.objects.create(finding=found, at=at - SEEN / 4, kind=EventKind.RESOLVED, actor=user)
    FindingEvent.objects.create(finding=found, at=at, kind=EventKind.REOPENED, text=found.verdict)
