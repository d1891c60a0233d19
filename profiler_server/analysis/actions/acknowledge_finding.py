"""Acknowledge a finding: somebody has seen it and looks after it."""

from __future__ import annotations

from django.utils import timezone

from profiler_server.analysis.actions.change_finding import changed_finding, end_snooze, record_event
from profiler_server.analysis.models import EventKind, Finding, FindingStatus
from profiler_server.core.errors import Conflict


def acknowledge_finding(
    project_id: int, finding_id: int, *, actor_id: int, version: int | None = None
) -> Finding:
    """Return the finding, acknowledged by `actor_id`, who becomes its assignee if it has none."""
    with changed_finding(project_id, finding_id, version=version) as found:
        if not found.is_open:
            raise Conflict("The finding is resolved; reopen it first.")
        found.status = FindingStatus.ACKNOWLEDGED
        found.assignee_id = found.assignee_id or actor_id
        end_snooze(found)
        record_event(found, EventKind.ACKNOWLEDGED, at=timezone.now(), actor_id=actor_id)
    return found
