"""Turn announced events of findings into notifications in the outbox, each once."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from profiler_server.alerts.models import Notification
from profiler_server.alerts.queries import recipients_of
from profiler_server.analysis.actions.take_announcements import take_announcements
from profiler_server.analysis.models import FindingEvent

EVENTS_PER_RUN = 200

_log = logging.getLogger(__name__)


def plan_notifications() -> int:
    """Write the notifications of every unannounced event and mark it announced, in one transaction.

    Return how many were written. A doubled or crashed run writes none twice: the events are locked, and the outbox
    has one row per finding, kind, episode and recipient.
    """
    with transaction.atomic():
        rows = [row for event in take_announcements(EVENTS_PER_RUN) for row in _rows(event)]
        Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _rows(event: FindingEvent) -> list[Notification]:
    found = event.finding
    recipients = recipients_of(found.service)
    if not recipients:
        _log.warning("Nobody is mailed for the service %s; add a route under Settings.", found.service.name)
    return [
        Notification(
            project_id=found.project_id,
            finding=found,
            kind=event.kind,
            episode=event.episode,
            recipient=recipient,
            due_at=timezone.now(),
        )
        for recipient in recipients
    ]
