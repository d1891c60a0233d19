"""Resolve a finding by hand: what was seen up to now is dealt with, and only new growth brings it back."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone

from profiler_server.analysis.actions.change_finding import changed_finding, end_snooze, record_event
from profiler_server.analysis.models import EventKind, Finding, FindingStatus, ServiceWatch
from profiler_server.core.errors import Conflict


def resolve_finding(
    project_id: int, finding_id: int, *, actor_id: int, text: str = "", version: int | None = None
) -> Finding:
    """Return the finding, resolved by `actor_id`; the detector starts afresh with the data of from now on."""
    now = timezone.now()
    with changed_finding(project_id, finding_id, version=version) as found:
        if not found.is_open:
            raise Conflict("The finding is resolved already.")
        found.status = FindingStatus.RESOLVED
        found.resolved_at = now
        found.resolved_by_id = actor_id
        end_snooze(found)
        record_event(found, EventKind.RESOLVED, at=now, actor_id=actor_id, text=text)
        ServiceWatch.objects.filter(service_id=found.service_id).update(
            state={}, version=F("version") + 1, ignore_before=F("data_until"), suspected_at=None, log_e=None
        )
    return found
