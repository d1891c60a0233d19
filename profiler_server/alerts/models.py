"""The outbox of notifications, and the routes that say who is told of which service."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from profiler_server.accounts.models import Project
from profiler_server.analysis.models import Finding
from profiler_server.catalog.models import Service


class AlertRoute(models.Model):
    """Who is mailed: for one service, or for every service of the project when `service` is null."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_routes")
    service = models.ForeignKey(Service, null=True, on_delete=models.CASCADE, related_name="alert_routes")
    email = models.EmailField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "service", "email"], name="alert_route_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} for {self.service_id or 'every service'}"


class NotificationKind(models.TextChoices):
    """Why somebody is told; the first four are the announced events of a finding."""

    OPENED = "opened", "A finding was made"
    REOPENED = "reopened", "A finding came back"
    RESOLVED = "resolved", "A finding was resolved"
    AWOKE = "awoke", "A snooze ended"
    TEST = "test", "A test"


class NotificationStatus(models.TextChoices):
    """Where a notification stands; only the one who moved it to SENDING may send it."""

    PENDING = "pending", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Given up"


class Notification(models.Model):
    """One message to one recipient, written down before it is sent."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    finding = models.ForeignKey(Finding, null=True, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=12, choices=NotificationKind.choices)
    episode = models.PositiveIntegerField(default=1)
    recipient = models.EmailField()
    status = models.CharField(
        max_length=8, choices=NotificationStatus.choices, default=NotificationStatus.PENDING
    )
    message_id = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="Stays the same over all attempts."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Next attempt; while sending, when the sender counts as lost.")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["finding", "kind", "episode", "recipient"],
                condition=models.Q(finding__isnull=False),
                name="notification_once",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=NotificationStatus.values), name="notification_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(status__in=["pending", "sending"]),
                name="notification_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient} ({self.status})"
