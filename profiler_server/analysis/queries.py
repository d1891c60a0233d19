"""Reads of findings: every one asks for the project, so that nobody sees another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from django.db.models import F, QuerySet

from profiler_server.analysis.models import (
    Finding,
    FindingEvent,
    FindingStatus,
    HolderReport,
    ServiceWatch,
)
from profiler_server.catalog.queries import restarts
from profiler_server.core.errors import NotFound

MAX_FINDINGS = 1000
MAX_EVENTS = 500
MAX_HOLDER_REPORTS = 20


def finding(project_id: int, finding_id: int) -> Finding:
    """Return one finding of the project with its service and assignee, or raise `NotFound`."""
    found = (
        Finding.objects.filter(project_id=project_id, pk=finding_id)
        .select_related("service", "assignee")
        .first()
    )
    if found is None:
        raise NotFound("There is no such finding in this project.")
    return found


def open_findings(project_id: int, *, service_id: int | None = None) -> list[Finding]:
    """Return the unresolved findings, those that hit their limit soonest first; at most `MAX_FINDINGS`."""
    rows = _of(project_id, service_id).exclude(status=FindingStatus.RESOLVED)
    return list(rows.order_by(F("forecast_p50_at").asc(nulls_last=True), "-detected_at")[:MAX_FINDINGS])


def findings(project_id: int, *, service_id: int | None = None, status: str | None = None) -> list[Finding]:
    """Return findings of every status (or of one), newest first; at most `MAX_FINDINGS`."""
    rows = _of(project_id, service_id)
    if status is not None:
        rows = rows.filter(status=status)
    return list(rows.order_by("-detected_at")[:MAX_FINDINGS])


def findings_between(project_id: int, service_id: int, start: datetime, end: datetime) -> list[Finding]:
    """Return the findings of a service whose growth or detection touches [start, end], for its time axis."""
    rows = _of(project_id, service_id).filter(started_at__lte=end).exclude(resolved_at__lt=start)
    return list(rows.order_by("detected_at")[:MAX_FINDINGS])


def events(project_id: int, finding_id: int) -> list[FindingEvent]:
    """Return a finding's history, oldest first, with its actors; at most `MAX_EVENTS`."""
    rows = FindingEvent.objects.filter(finding_id=finding_id, finding__project_id=project_id)
    return list(rows.select_related("actor")[:MAX_EVENTS])


def holder_reports(
    project_id: int, *, finding_id: int | None = None, service_id: int | None = None
) -> list[HolderReport]:
    """Return what agents said about who holds the memory, newest first; at most `MAX_HOLDER_REPORTS`."""
    rows = HolderReport.objects.filter(project_id=project_id).select_related("instance")
    if finding_id is not None:
        rows = rows.filter(finding_id=finding_id)
    if service_id is not None:
        rows = rows.filter(service_id=service_id)
    return list(rows.order_by("-at")[:MAX_HOLDER_REPORTS])


def watch_of(project_id: int, service_id: int) -> ServiceWatch | None:
    """Return the detector's last word on a service, or None when it was never looked at."""
    return ServiceWatch.objects.filter(project_id=project_id, service_id=service_id).first()


def watches(project_id: int) -> dict[int, ServiceWatch]:
    """Return the detector's last word on every service of the project, without the heavy columns."""
    rows = ServiceWatch.objects.filter(project_id=project_id).defer("state", "evaluation")
    return {row.service_id: row for row in rows}


def baseline_and_current(found: Finding) -> tuple[tuple[datetime, datetime], tuple[datetime, datetime]]:
    """Return the two ranges that show a finding best: just after its growth began, and its newest data.

    Each is a tenth of the time between, at least `SHORTEST_RANGE`. A finding without a beginning is compared with
    the time `LOOK_BACK` before. A restart takes away what had grown, so both ranges lie between the same two.
    """
    start, end = found.started_at, max(found.updated_at, found.detected_at)
    if end - start < 2 * SHORTEST_RANGE:
        start = end - LOOK_BACK
    start, end = _without_restart(found.service_id, start, end)
    span = max((end - start) / COMPARED_PARTS, SHORTEST_RANGE)
    return (start, start + span), (end - span, end)


def _without_restart(service_id: int, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return the latest part of [start, end] without a restart that is not much shorter than the longest."""
    breaks = [datetime.fromtimestamp(at, UTC) for at in restarts(service_id, start, end)]
    edges = [start, *breaks, end]
    parts = list(pairwise(edges))
    longest = max(later - earlier for earlier, later in parts)
    return next(part for part in reversed(parts) if part[1] - part[0] >= LONG_ENOUGH * longest)


LONG_ENOUGH = 0.7
COMPARED_PARTS = 10
SHORTEST_RANGE = timedelta(seconds=30)
LOOK_BACK = timedelta(hours=1)


def _of(project_id: int, service_id: int | None) -> QuerySet[Finding]:
    rows = (
        Finding.objects.filter(project_id=project_id).select_related("service", "assignee").defer("evidence")
    )
    return rows if service_id is None else rows.filter(service_id=service_id)
