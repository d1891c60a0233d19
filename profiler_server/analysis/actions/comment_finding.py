"""Add a comment to a finding's history."""

from __future__ import annotations

from django.utils import timezone

from profiler_server.analysis.actions.change_finding import MAX_TEXT, changed_finding, record_event
from profiler_server.analysis.models import EventKind, Finding
from profiler_server.core.errors import Conflict, LimitExceeded


def comment_finding(project_id: int, finding_id: int, *, actor_id: int, text: str) -> Finding:
    """Return the finding with the comment in its history."""
    text = text.replace("\x00", "").strip()
    if not text:
        raise Conflict("Write something to comment.")
    if len(text) > MAX_TEXT:
        raise LimitExceeded(f"A comment holds at most {MAX_TEXT} characters.")
    with changed_finding(project_id, finding_id) as found:
        record_event(found, EventKind.COMMENTED, at=timezone.now(), actor_id=actor_id, text=text)
    return found
