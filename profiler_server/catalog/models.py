"""Services, their instances (process lives), their releases, and markers on their time axis."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from profiler_server.accounts.models import Project


class Service(models.Model):
    """A program that runs as one or more instances."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=20, blank=True)
    owner_email = models.EmailField(blank=True)
    memory_limit_bytes = models.BigIntegerField(null=True)
    source_url_template = models.CharField(
        max_length=500, blank=True, help_text="Link to a line: {file}, {line} and {release} are filled in."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="service_name_in_project")]

    def __str__(self) -> str:
        return self.name


class Instance(models.Model):
    """One life of one process of a service."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="instances")
    key = models.CharField(max_length=200, help_text="host:pid:start as the agent sends it.")
    started_at = models.DateTimeField()
    release = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=20, blank=True)
    labels = models.JSONField(default=dict)
    agent = models.CharField(max_length=60, blank=True)
    memory_limit_bytes = models.BigIntegerField(null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "service", "key", "started_at"], name="instance_is_one_life"
            )
        ]
        indexes = [models.Index(fields=["service", "last_seen_at"], name="instance_recent")]

    def __str__(self) -> str:
        return self.key


class Release(models.Model):
    """A version of a service, as its agents report it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="releases")
    version = models.CharField(max_length=120)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "service", "version"], name="release_of_service")
        ]

    def __str__(self) -> str:
        return self.version


class MarkerKind(models.TextChoices):
    """What happened to a service at one moment."""

    DEPLOY = "deploy", "Deploy"
    RESTART = "restart", "Restart"
    CONFIG = "config", "Configuration"
    OOM = "oom", "Killed for memory"
    EXIT = "exit", "Exit"
    NOTE = "note", "Note"


class Marker(models.Model):
    """An event on a service's time axis."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="markers")
    instance = models.ForeignKey(Instance, null=True, on_delete=models.CASCADE, related_name="markers")
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=MarkerKind.choices)
    version = models.CharField(max_length=120, blank=True)
    text = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "instance", "at", "kind"], name="marker_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=models.Q(kind__in=MarkerKind.values), name="marker_kind_known"),
        ]
        indexes = [models.Index(fields=["service", "at"], name="marker_time")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"
