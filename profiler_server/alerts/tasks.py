"""The task that sends what is due in the outbox."""

from __future__ import annotations

import logging

from celery import shared_task

from profiler_server.alerts.actions import send_due_notifications as sending

_log = logging.getLogger(__name__)


@shared_task(name="alerts.send_due_notifications")
def send_due_notifications() -> int:
    """Send what is due; any number of these may run at once."""
    sent = sending.send_due_notifications()
    if sent:
        _log.info("Sent %d notifications.", sent)
    return sent
