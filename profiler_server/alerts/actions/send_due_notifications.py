"""Send what is due in the outbox: claim by compare-and-set, send, note the outcome, try again later if it failed."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from profiler_server.alerts.actions.plan_notifications import plan_notifications
from profiler_server.alerts.channels.email import Refused, Unreachable, send_notification
from profiler_server.alerts.models import Notification, NotificationStatus

MAX_PER_RUN = 100
LEASE = timedelta(minutes=10)  # longer than a task may live, so that no sender outlives its claim
FIRST_RETRY = timedelta(seconds=10)
LONGEST_RETRY = timedelta(hours=1)
MAX_DOUBLINGS = 20
MAX_ATTEMPTS = 180  # about a week at the longest interval
MAX_ERROR = 300

_log = logging.getLogger(__name__)


def send_due_notifications() -> int:
    """Plan what was announced, send what is due (at most `MAX_PER_RUN`) and return how many went out.

    A notification is sent once: only the process that moved it to SENDING sends it. A sender that dies is taken for
    lost after `LEASE`, and its message goes out again under the same Message-ID.
    """
    plan_notifications()
    sent = 0
    for _ in range(MAX_PER_RUN):
        notification = claim_due(timezone.now())
        if notification is None:
            break
        sent += _send(notification)
    return sent


def claim_due(now: datetime) -> Notification | None:
    """Return the most overdue notification, now SENDING and ours until `LEASE` ends; None when nothing is due."""
    waiting = [NotificationStatus.PENDING, NotificationStatus.SENDING]
    with transaction.atomic():
        row = (
            Notification.objects.select_for_update(skip_locked=True)
            .filter(status__in=waiting, due_at__lte=now)
            .order_by("due_at", "id")
            .first()
        )
        if row is None:
            return None
        row.status = NotificationStatus.SENDING
        row.attempts += 1
        row.due_at = now + LEASE
        row.save(update_fields=["status", "attempts", "due_at"])
    return row


def retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after the n-th failed attempt: doubling from `FIRST_RETRY` to `LONGEST_RETRY`."""
    doublings = max(0, min(attempts - 1, MAX_DOUBLINGS))
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def _send(notification: Notification) -> bool:
    try:
        send_notification(notification)
    except Refused as error:
        _note(notification, status=NotificationStatus.FAILED, error=str(error))
        _log.error("The mail server refused notification %d for good: %s", notification.pk, error)
        return False
    except Unreachable as error:
        _retry_later(notification, str(error))
        return False
    except Exception as error:  # noqa: BLE001  a process's edge: one broken message must not stop the others
        _log.exception("Notification %d could not be made.", notification.pk)
        _retry_later(notification, f"{type(error).__name__} while writing the message")
        return False
    _note(notification, status=NotificationStatus.SENT, sent_at=timezone.now(), error="")
    return True


def _retry_later(notification: Notification, error: str) -> None:
    if notification.attempts >= MAX_ATTEMPTS:
        _log.error("Notification %d was given up after %d attempts.", notification.pk, notification.attempts)
        _note(notification, status=NotificationStatus.FAILED, error=error)
        return
    due_at = timezone.now() + retry_delay(notification.attempts)
    _log.warning("Notification %d waits until %s: %s", notification.pk, due_at, error)
    _note(notification, status=NotificationStatus.PENDING, due_at=due_at, error=error)


def _note(notification: Notification, *, error: str, **changes: object) -> None:
    """Write the outcome unless another process has claimed the notification meanwhile."""
    ours = Notification.objects.filter(
        pk=notification.pk, status=NotificationStatus.SENDING, attempts=notification.attempts
    )
    ours.update(error=error[:MAX_ERROR], **changes)
