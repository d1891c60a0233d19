"""The one way in which a finding changes: locked, versioned, and with an entry in its history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction

from profiler_server.analysis.models import EventKind, Finding, FindingEvent
from profiler_server.core.errors import Conflict, NotFound

MAX_TEXT = 10_000


@contextmanager
def changed_finding(project_id: int, finding_id: int, *, version: int | None = None) -> Iterator[Finding]:
    """Lock a finding for one change and save it at the end, in one transaction.

    `version` is what the caller saw: `Conflict` is raised when it has changed since. None skips that.
    """
    with transaction.atomic():
        found = (
            Finding.objects.select_for_update(of=("self",))
            .select_related("service")
            .filter(project_id=project_id, pk=finding_id)
            .first()
        )
        if found is None:
            raise NotFound("There is no such finding in this project.")
        if version is not None and found.version != version:
            raise Conflict(
                "The finding was changed meanwhile; look at it again and repeat what you want to do."
            )
        yield found
        found.version += 1
        found.save()


def record_event(
    found: Finding, kind: EventKind, *, at: datetime, actor_id: int | None = None, text: str = ""
) -> FindingEvent:
    """Add an entry to a finding's history; call it in the transaction of the change."""
    return FindingEvent.objects.create(
        finding=found, at=at, kind=kind, actor_id=actor_id, text=text[:MAX_TEXT], episode=found.episode
    )


def end_snooze(found: Finding) -> None:
    """Forget what would wake the finding; the caller saves it."""
    found.snoozed_until = None
    found.snoozed_release = ""
    found.snoozed_growth_ceiling = None
