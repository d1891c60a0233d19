"""Note that an instance was heard of: make its service, release and own row as needed, and keep when it was seen."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from profiler_server.catalog.identity import InstanceIdentity
from profiler_server.catalog.models import Instance, Marker, MarkerKind, Release, Service
from profiler_server.storage.sql import Statements

__all__ = [
    "InstanceIdentity",
    "forget_instances",
    "is_release_due",
    "is_seen_due",
    "note_release_seen",
    "observe_instance",
    "remember_seen",
]

SQL = Statements(Path(__file__).resolve().parents[1] / "sql")
SEEN_STEP = timedelta(seconds=30)
RELEASE_STEP = timedelta(minutes=10)
MAX_REMEMBERED = 20_000
NAME_CHARACTERS = 200
RELEASE_CHARACTERS = 120

_remembered: OrderedDict[tuple[int, InstanceIdentity], Instance] = OrderedDict()
_lock = threading.Lock()


def observe_instance(
    project_id: int, identity: InstanceIdentity, *, at: datetime, is_noted_later: bool = False
) -> Instance:
    """Return the instance's row; `at` is when it was seen, which is written when it is news (`is_seen_due`).

    A release that the service has not had before becomes a deploy marker (unless it is the first), a new life under
    a known key a restart marker. With `is_noted_later` the caller notes when a known instance was seen, together
    with what it stores.
    """
    key = (project_id, identity)
    with _lock:
        known = _remembered.get(key)
    if known is not None:
        if not is_noted_later and is_seen_due(known, at):
            _note_seen(known, at)
        return known
    with transaction.atomic():
        instance = _find_or_make(project_id, identity, at)
        _note_seen(instance, at)
        transaction.on_commit(lambda: _remember(key, instance))
    return instance


def is_seen_due(instance: Instance, at: datetime) -> bool:
    """Return whether `at` widens the time that was noted: at all before it, by `SEEN_STEP` or more after it."""
    return at < instance.first_seen_at or at >= instance.last_seen_at + SEEN_STEP


def is_release_due(instance: Instance, at: datetime) -> bool:
    """Return whether `at` falls into another step of the release's clock than what was noted last."""
    if not instance.release:
        return False
    steps = [
        int(moment.timestamp() // RELEASE_STEP.total_seconds()) for moment in (at, instance.last_seen_at)
    ]
    return at <= instance.first_seen_at or steps[0] != steps[1]


def remember_seen(instance: Instance, at: datetime) -> None:
    """Keep in mind what was written of when the instance was seen."""
    instance.first_seen_at = min(instance.first_seen_at, at)
    instance.last_seen_at = max(instance.last_seen_at, at)


def note_release_seen(service_id: int, version: str, at: datetime) -> None:
    """Widen the time in which a release was heard of."""
    SQL.run("note_release_seen", {"service_id": service_id, "version": version, "at": at})


def forget_instances() -> None:
    """Forget the rows that this process remembers; they are looked up again."""
    with _lock:
        _remembered.clear()


def _remember(key: tuple[int, InstanceIdentity], instance: Instance) -> None:
    with _lock:
        _remembered[key] = instance
        _remembered.move_to_end(key)
        while len(_remembered) > MAX_REMEMBERED:
            _remembered.popitem(last=False)


def _find_or_make(project_id: int, identity: InstanceIdentity, at: datetime) -> Instance:
    service, _ = Service.objects.get_or_create(
        project_id=project_id,
        name=identity.service[:NAME_CHARACTERS],
        defaults={"language": identity.language[:20]},
    )
    _observe_release(service, identity, at)
    instance, made = Instance.objects.get_or_create(
        project_id=project_id,
        service=service,
        key=identity.key[:NAME_CHARACTERS],
        started_at=identity.started_at,
        defaults={
            "release": identity.release[:RELEASE_CHARACTERS],
            "language": identity.language[:20],
            "labels": dict(identity.labels),
            "agent": identity.agent[:60],
            "memory_limit_bytes": identity.memory_limit_bytes,
            "first_seen_at": at,
            "last_seen_at": at,
        },
    )
    if made:
        _mark_restart(instance)
    else:
        _note_changes(instance, identity)
    return instance


def _observe_release(service: Service, identity: InstanceIdentity, at: datetime) -> None:
    version = identity.release[:RELEASE_CHARACTERS]
    if not version:
        return
    release, made = Release.objects.get_or_create(
        project_id=service.project_id,
        service=service,
        version=version,
        defaults={"first_seen_at": at, "last_seen_at": at},
    )
    others = Release.objects.filter(service=service).exclude(pk=release.pk).exists()
    marked = Marker.objects.filter(service=service, kind=MarkerKind.DEPLOY, version=version).exists()
    if made and others and not marked:
        Marker.objects.get_or_create(
            project_id=service.project_id,
            service=service,
            instance=None,
            at=at,
            kind=MarkerKind.DEPLOY,
            defaults={"version": version},
        )


def _mark_restart(instance: Instance) -> None:
    earlier = Instance.objects.filter(
        service_id=instance.service_id, key=instance.key, started_at__lt=instance.started_at
    )
    if earlier.exists():
        Marker.objects.get_or_create(
            project_id=instance.project_id,
            service_id=instance.service_id,
            instance=instance,
            at=instance.started_at,
            kind=MarkerKind.RESTART,
            defaults={"version": instance.release},
        )


def _note_changes(instance: Instance, identity: InstanceIdentity) -> None:
    """Keep what an agent learns later: the limit, its own version, labels."""
    stated = {
        "labels": dict(identity.labels),
        "agent": identity.agent[:60],
        "memory_limit_bytes": identity.memory_limit_bytes,
    }
    changed = {name: value for name, value in stated.items() if value and getattr(instance, name) != value}
    for name, value in changed.items():
        setattr(instance, name, value)
    if changed:
        instance.save(update_fields=list(changed))


def _note_seen(instance: Instance, at: datetime) -> None:
    SQL.run("note_seen", {"instance_id": instance.pk, "at": at})
    if is_release_due(instance, at):
        note_release_seen(instance.service_id, instance.release, at)
    remember_seen(instance, at)
