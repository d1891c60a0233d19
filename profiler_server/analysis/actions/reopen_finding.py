"""Reopen a resolved finding by hand."""

from __future__ import annotations

from django.db import IntegrityError
from django.utils import timezone

from profiler_server.analysis.actions.change_finding import changed_finding, record_event
from profiler_server.analysis.models import EventKind, Finding, FindingStatus, ServiceWatch
from profiler_server.core.errors import Conflict


def reopen_finding(project_id: int, finding_id: int, *, actor_id: int, version: int | None = None) -> Finding:
    """Return the finding, open again; the detector may look at the older data once more."""
    now = timezone.now()
    try:
        with changed_finding(project_id, finding_id, version=version) as found:
            if found.is_open:
                raise Conflict("The finding is open already.")
            found.status = FindingStatus.OPEN
            found.resolved_at = None
            found.resolved_by_id = None
            found.cured_by_release = ""
            found.reopened_at = now
            found.episode += 1
            record_event(found, EventKind.REOPENED, at=now, actor_id=actor_id)
            ServiceWatch.objects.filter(service_id=found.service_id).update(ignore_before=None)
    except IntegrityError as error:
        raise Conflict(
            "A newer finding of the same kind is open for this service; work with that one."
        ) from error
    return found
