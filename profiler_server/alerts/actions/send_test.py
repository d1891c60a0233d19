"""Send a test to an address at once, so that a person sees whether mail arrives."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from profiler_server.alerts.actions.send_due_notifications import LEASE
from profiler_server.alerts.channels.email import Refused, Unreachable, send_notification
from profiler_server.alerts.models import Notification, NotificationKind, NotificationStatus
from profiler_server.core.errors import Conflict


@dataclass(frozen=True, slots=True)
class TestSent:
    """The mail server took the message."""

    recipient: str


@dataclass(frozen=True, slots=True)
class TestFailed:
    """The message could not be handed over; `reason` is a sentence for the person who asked."""

    recipient: str
    reason: str


def send_test(project_id: int, recipient: str) -> TestSent | TestFailed:
    """Send the test and return how it went; it is kept in the outbox's history and never retried."""
    try:
        validate_email(recipient)
    except ValidationError as error:
        raise Conflict("That is not an e-mail address.") from error
    notification = Notification.objects.create(
        project_id=project_id,
        kind=NotificationKind.TEST,
        recipient=recipient,
        status=NotificationStatus.SENDING,
        attempts=1,
        due_at=timezone.now() + LEASE,
    )
    try:
        send_notification(notification)
    except (Refused, Unreachable) as error:
        _note(notification, NotificationStatus.FAILED, str(error))
        return TestFailed(recipient, str(error))
    _note(notification, NotificationStatus.SENT, "")
    return TestSent(recipient)


def _note(notification: Notification, status: NotificationStatus, error: str) -> None:
    notification.status = status
    notification.error = error[:300]
    notification.sent_at = timezone.now() if status == NotificationStatus.SENT else None
    notification.save(update_fields=["status", "error", "sent_at"])
