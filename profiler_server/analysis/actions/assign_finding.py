"""Assign a finding to a member of its project, or to nobody."""

from __future__ import annotations

from django.utils import timezone

from profiler_server.accounts.models import Membership
from profiler_server.analysis.actions.change_finding import changed_finding, record_event
from profiler_server.analysis.models import EventKind, Finding
from profiler_server.core.errors import NotFound


def assign_finding(
    project_id: int, finding_id: int, *, actor_id: int, assignee_id: int | None, version: int | None = None
) -> Finding:
    """Return the finding, assigned to `assignee_id` (None: to nobody)."""
    name = "nobody"
    if assignee_id is not None:
        member = (
            Membership.objects.filter(project_id=project_id, user_id=assignee_id)
            .select_related("user")
            .first()
        )
        if member is None:
            raise NotFound("The assignee must be a member of the project.")
        name = member.user.get_username()
    with changed_finding(project_id, finding_id, version=version) as found:
        found.assignee_id = assignee_id
        record_event(found, EventKind.ASSIGNED, at=timezone.now(), actor_id=actor_id, text=f"to {name}")
    return found
