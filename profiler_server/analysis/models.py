"""Findings, their history, who holds the memory, what agents are asked, and what evaluations carry over."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from profiler_server.accounts.models import Project
from profiler_server.catalog.models import Instance, Service


class FindingStatus(models.TextChoices):
    """Where a finding stands in its life; all but RESOLVED count as open."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    SNOOZED = "snoozed", "Snoozed"
    RESOLVED = "resolved", "Resolved"


class Family(models.TextChoices):
    """Diagnoses that are one and the same trouble to the person who fixes it."""

    HEAP = "heap", "Live objects pile up"
    NATIVE = "native", "Memory outside the heap grows"
    RESOURCE = "resource", "Threads, descriptors or goroutines pile up"
    RETENTION = "retention", "Free memory is not given back"


FAMILY_OF_DIAGNOSIS: dict[str, Family] = {
    "heap_leak": Family.HEAP,
    "native_leak": Family.NATIVE,
    "resource_leak": Family.RESOURCE,
    "fragmentation": Family.RETENTION,
    "runtime_retention": Family.RETENTION,
    "high_water": Family.RETENTION,
}


class Finding(models.Model):
    """One detected trouble of one service; at most one per family is unresolved at a time."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="findings")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="findings")
    status = models.CharField(max_length=12, choices=FindingStatus.choices, default=FindingStatus.OPEN)
    family = models.CharField(max_length=12, choices=Family.choices)
    diagnosis = models.CharField(max_length=24)
    episode = models.PositiveIntegerField(
        default=1, help_text="Counts up each time people are to be told anew."
    )
    version = models.PositiveIntegerField(default=1, help_text="Counts every change, for compare-and-set.")

    started_at = models.DateTimeField(help_text="When the growth began, as far as it can be told.")
    detected_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    reopened_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Null: by itself.",
    )

    growth_bytes_per_hour = models.FloatField(
        null=True, help_text="Of one process; units per hour for resources."
    )
    growth_low = models.FloatField(null=True)
    growth_high = models.FloatField(null=True)
    bytes_per_request = models.FloatField(null=True)
    forecast_made_at = models.DateTimeField(null=True)
    forecast_p10_at = models.DateTimeField(null=True)
    forecast_p50_at = models.DateTimeField(null=True)
    forecast_p90_at = models.DateTimeField(null=True)
    limit_bytes = models.BigIntegerField(null=True)
    first_release = models.CharField(max_length=120, blank=True)
    cured_by_release = models.CharField(max_length=120, blank=True)
    suspects = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    evidence = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    verdict = models.TextField()

    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="assigned_findings"
    )
    snoozed_until = models.DateTimeField(null=True)
    snoozed_release = models.CharField(
        max_length=120, blank=True, help_text="Wake when a release other than this runs."
    )
    snoozed_growth_ceiling = models.FloatField(
        null=True, help_text="Wake when it grows faster, in bytes per hour."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "family"],
                condition=~models.Q(status="resolved"),
                name="one_unresolved_finding_per_family",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=FindingStatus.values), name="finding_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status="resolved", resolved_at__isnull=False)
                | (~models.Q(status="resolved") & models.Q(resolved_at=None)),
                name="finding_resolved_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "status", "-detected_at"], name="finding_of_project"),
            models.Index(fields=["service", "-detected_at"], name="finding_of_service"),
        ]

    def __str__(self) -> str:
        return f"{self.diagnosis} in {self.service_id} ({self.status})"

    @property
    def is_open(self) -> bool:
        """Whether the trouble is still there, seen or unseen."""
        return self.status != FindingStatus.RESOLVED


class EventKind(models.TextChoices):
    """What happened to a finding."""

    OPENED = "opened", "Detected"
    REOPENED = "reopened", "Came back"
    RESOLVED = "resolved", "Resolved"
    AWOKE = "awoke", "Snooze ended"
    CHANGED = "changed", "Diagnosis changed"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    ASSIGNED = "assigned", "Assigned"
    SNOOZED = "snoozed", "Snoozed"
    COMMENTED = "commented", "Comment"
    HOLDERS = "holders", "Holder found"


ANNOUNCED_KINDS = (EventKind.OPENED, EventKind.REOPENED, EventKind.RESOLVED, EventKind.AWOKE)


class FindingEvent(models.Model):
    """One entry of a finding's history; entries of an announced kind are what the alerts are made from."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=EventKind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(blank=True)
    episode = models.PositiveIntegerField(default=1)
    announced_at = models.DateTimeField(
        null=True, help_text="When its notifications were put into the outbox."
    )
    held_until = models.DateTimeField(
        null=True, help_text="Not announced before: more is expected from agents."
    )

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=EventKind.values), name="event_kind_known")
        ]
        indexes = [
            models.Index(fields=["finding", "at"], name="event_of_finding"),
            models.Index(
                fields=["id"],
                condition=models.Q(announced_at=None, kind__in=[kind.value for kind in ANNOUNCED_KINDS]),
                name="event_unannounced",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"


class ServiceWatch(models.Model):
    """What one evaluation of a service hands to the next, and when that is due."""

    service = models.OneToOneField(Service, on_delete=models.CASCADE, primary_key=True, related_name="watch")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    state = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    version = models.PositiveIntegerField(default=0, help_text="Counts evaluations, for compare-and-set.")
    due_at = models.DateTimeField(db_default=Now(), db_index=True)
    evaluated_at = models.DateTimeField(null=True, help_text="Wall clock of the last evaluation.")
    data_until = models.DateTimeField(null=True, help_text="Newest data that was looked at.")
    ignore_before = models.DateTimeField(null=True, help_text="Data up to here was dealt with by a person.")
    verdict = models.CharField(max_length=20, blank=True)
    diagnosis = models.CharField(max_length=24, blank=True)
    sentence = models.TextField(blank=True)
    suspected_at = models.DateTimeField(null=True)
    log_e = models.FloatField(
        null=True, help_text="Log e-value with which a leak is claimed or was found; null: neither."
    )
    evaluation = models.JSONField(default=dict, encoder=DjangoJSONEncoder, help_text="The last one, whole.")
    error = models.CharField(
        max_length=300, blank=True, help_text="Why the last evaluation failed; empty if it did not."
    )

    class Meta:
        indexes = [models.Index(fields=["project"], condition=~models.Q(log_e=None), name="watch_claiming")]

    def __str__(self) -> str:
        return f"{self.service_id}: {self.verdict or 'not looked at yet'}"


class CommandKind(models.TextChoices):
    """What an agent can be asked to do."""

    ARM_SAMPLER = "arm_sampler", "Sample allocations for some minutes"
    FIND_HOLDERS = "find_holders", "Find who holds a call site's objects"
    SEND_PROFILE = "send_profile", "Send a profile now"


class AgentCommand(models.Model):
    """A request to one instance's agent, delivered in the answer to its next push."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="commands")
    finding = models.ForeignKey(Finding, null=True, on_delete=models.CASCADE, related_name="commands")
    kind = models.CharField(max_length=16, choices=CommandKind.choices)
    arguments = models.JSONField(default=dict)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    deliver_after = models.DateTimeField(
        help_text="Not before; moved on at each delivery, in case its answer is lost."
    )
    deliveries = models.PositiveSmallIntegerField(default=0)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=CommandKind.values), name="command_kind_known")
        ]
        indexes = [
            models.Index(
                fields=["instance", "deliver_after"],
                condition=models.Q(answered_at=None),
                name="command_unanswered",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.instance_id}"


class HolderReport(models.Model):
    """An agent's answer to who holds the objects of a call site: type names and counts, never content."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="holder_reports")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+")
    finding = models.ForeignKey(Finding, null=True, on_delete=models.SET_NULL, related_name="holder_reports")
    command = models.ForeignKey(AgentCommand, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    method = models.CharField(max_length=12)
    site = models.JSONField(default=list, help_text="Frames, leaf first: function, file, line.")
    paths = models.JSONField(default=list, help_text="path, share, objects, bytes; largest share first.")
    pause_ms = models.FloatField(default=0.0)
    unexplained_share = models.FloatField(default=0.0)
    digest = models.BinaryField(max_length=32, help_text="Of the content, so that a repeated push is known.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instance", "digest"], name="holder_report_once")]
        indexes = [models.Index(fields=["service", "-at"], name="holder_report_recent")]

    def __str__(self) -> str:
        return f"{len(self.paths)} holders at {self.at:%Y-%m-%d %H:%M}"
