"""Take the events of findings that people are to be told of; whoever takes them writes the messages."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from profiler_server.analysis.models import ANNOUNCED_KINDS, FindingEvent


def take_announcements(limit: int) -> list[FindingEvent]:
    """Return unannounced events, oldest first, locked and marked as announced; call it inside a transaction.

    Events that another process is taking are left to it. When the transaction rolls back they are unannounced again.
    """
    now = timezone.now()
    waiting = FindingEvent.objects.filter(announced_at=None, kind__in=ANNOUNCED_KINDS)
    due = waiting.filter(Q(held_until=None) | Q(held_until__lte=now)).order_by("id")
    locked = due.select_for_update(skip_locked=True, of=("self",))
    taken = list(locked.select_related("finding__service")[:limit])
    FindingEvent.objects.filter(pk__in=[event.pk for event in taken]).update(announced_at=now)
    return taken
