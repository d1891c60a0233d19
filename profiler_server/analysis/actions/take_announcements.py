"""Take the events of findings that people are to be told of; whoever takes them writes the messages."""

from __future__ import annotations

from django.utils import timezone

from profiler_server.analysis.models import ANNOUNCED_KINDS, FindingEvent


def take_announcements(limit: int) -> list[FindingEvent]:
    """Return unannounced events, oldest first, locked and marked as announced; call it inside a transaction.

    Events that another process is taking are left to it. When the transaction rolls back they are unannounced again.
    """
    waiting = FindingEvent.objects.filter(announced_at=None, kind__in=ANNOUNCED_KINDS).order_by("id")
    taken = list(
        waiting.select_for_update(skip_locked=True, of=("self",)).select_related("finding__service")[:limit]
    )
    FindingEvent.objects.filter(pk__in=[event.pk for event in taken]).update(announced_at=timezone.now())
    return taken
