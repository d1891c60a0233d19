"""Warn when memory that is no leak stands near its limit all the same, and end the warning when it has gone back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from profiler_server.analysis.actions.change_finding import end_snooze, record_event
from profiler_server.analysis.advice import diagnosis_name
from profiler_server.analysis.limited_memory import limited_memory
from profiler_server.analysis.models import EventKind, Family, Finding, FindingStatus
from profiler_server.analysis.plain import plain
from profiler_server.catalog.models import Release, Service
from profiler_server.core.leak import Evaluation, ServiceWindow
from profiler_server.core.units import format_bytes, format_share

RETAINED = ("runtime_retention", "fragmentation", "high_water")
WARN_SHARE = 0.9
CALM_SHARE = 0.8
RECENT_POINTS = 12
SILENT_SECONDS = 60.0
SILENT_INTERVALS = 5


@dataclass(frozen=True, slots=True)
class Fullness:
    """How full the fullest process is, by its newest points."""

    size_bytes: float
    limit_bytes: int

    @property
    def share(self) -> float:
        """Return the size as a share of the limit."""
        return self.size_bytes / self.limit_bytes


def fullness_of(window: ServiceWindow) -> Fullness | None:
    """Return how full the fullest running process is, None when its size or limit is not known.

    One that has been silent for longer than `SILENT_SECONDS` and `SILENT_INTERVALS` points runs no more.
    """
    if not window.memory_limit_bytes:
        return None
    silence = max(SILENT_SECONDS, SILENT_INTERVALS * window.interval_seconds)
    running = [one for one in window.instances if len(one.ts) and one.ts[-1] >= window.now - silence]
    known = (limited_memory(series, window.memory_limit_bytes)[-RECENT_POINTS:] for series in running)
    sizes = [float(np.median(values)) for values in known if len(values)]
    return Fullness(max(sizes), int(window.memory_limit_bytes)) if sizes else None


def warn_near_limit(
    service: Service, said: Evaluation, full: Fullness | None, *, at: datetime
) -> Finding | None:
    """Open, update or end the warning of a service, and return it if there is one.

    It begins at `WARN_SHARE` of the limit under a verdict of retention and ends below `CALM_SHARE`; a leak has a
    finding of its own. Call it in the transaction of the evaluation, with the service's watch locked.
    """
    if full is None or said.verdict == "leak":
        return None
    retained = Finding.objects.select_for_update().filter(service=service, family=Family.RETENTION)
    found = retained.exclude(status=FindingStatus.RESOLVED).first()
    if found is not None and full.share < CALM_SHARE:
        return _end(found, full, at)
    if said.diagnosis not in RETAINED or (found is None and full.share < WARN_SHARE):
        return found
    if found is not None:
        return _update(found, said, full, at)
    earlier = retained.order_by("-resolved_at").first()
    found = earlier or Finding(project_id=service.project_id, service=service, detected_at=at, started_at=at)
    found.status, found.resolved_at, found.resolved_by = FindingStatus.OPEN, None, None
    if earlier is not None:
        found.reopened_at, found.cured_by_release = at, ""
        found.episode += 1
    _update(found, said, full, at)
    record_event(found, EventKind.REOPENED if earlier else EventKind.OPENED, at=at, text=found.verdict)
    return found


def _update(found: Finding, said: Evaluation, full: Fullness, at: datetime) -> Finding:
    found.family, found.diagnosis = Family.RETENTION, said.diagnosis
    found.limit_bytes = full.limit_bytes
    found.updated_at = at
    found.version += 1
    kept = said.evidence_json() or {"signal": "rss"}
    found.evidence = plain(kept | {"size_bytes": full.size_bytes, "limit_share": full.share})
    found.verdict = (
        f"{diagnosis_name(said.diagnosis)}, no leak, yet memory stands at {format_bytes(full.size_bytes)}, "
        f"{format_share(full.share)} of its limit of {format_bytes(full.limit_bytes)}."
    )
    found.save()
    return found


def _end(found: Finding, full: Fullness, at: datetime) -> Finding:
    found.status, found.resolved_at, found.updated_at = FindingStatus.RESOLVED, at, at
    found.cured_by_release = _release_since(found, at)
    found.version += 1
    end_snooze(found)
    found.save()
    by = f" by release {found.cured_by_release}" if found.cured_by_release else ""
    text = f"memory went back to {format_share(full.share)} of its limit{by}"
    record_event(found, EventKind.RESOLVED, at=at, text=text)
    return found


def _release_since(found: Finding, at: datetime) -> str:
    """Return the newest release that came after the warning began, "" where the same one still runs."""
    since = found.reopened_at or found.detected_at
    newer = Release.objects.filter(
        service_id=found.service_id, first_seen_at__gt=since, first_seen_at__lte=at
    ).order_by("-first_seen_at")
    return newer.values_list("version", flat=True).first() or ""
