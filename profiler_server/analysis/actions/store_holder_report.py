"""Store an agent's answer to who holds the objects of a call site, once."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from profiler_server.analysis.actions.change_finding import record_event
from profiler_server.analysis.actions.hold_announcement import release_announcement
from profiler_server.analysis.models import AgentCommand, EventKind, Finding, FindingStatus, HolderReport
from profiler_server.catalog.models import Instance
from profiler_server.core.profile import Frame


@dataclass(frozen=True, slots=True)
class HolderPath:
    """A chain of references from a root to the objects, as a person would write it, and what hangs on it."""

    path: str
    share: float
    objects: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class HolderAnswer:
    """What an agent found; `site` is leaf first, `method` is snapshot or census."""

    command_id: str
    at: datetime
    method: str
    site: tuple[Frame, ...]
    paths: tuple[HolderPath, ...]
    pause_ms: float
    unexplained_share: float


def store_holder_report(instance: Instance, answer: HolderAnswer) -> bool:
    """Store the answer, close its command, and note it in the finding's history; return False for a repetition."""
    with transaction.atomic():
        command = _command_of(instance, answer.command_id)
        found = _finding_of(instance, command)
        report, created = HolderReport.objects.get_or_create(
            instance=instance,
            digest=_digest(answer),
            defaults={
                "project_id": instance.project_id,
                "service_id": instance.service_id,
                "finding": found,
                "command": command,
                "at": answer.at,
                "method": answer.method,
                "site": [asdict(frame) for frame in answer.site],
                "paths": _paths(answer),
                "pause_ms": answer.pause_ms,
                "unexplained_share": answer.unexplained_share,
            },
        )
        if command is not None and command.answered_at is None:
            command.answered_at = timezone.now()
            command.save(update_fields=["answered_at"])
        if created and found is not None and report.paths:
            record_event(found, EventKind.HOLDERS, at=answer.at, text=report.paths[0]["path"])
        if command is not None and found is not None:
            release_announcement(found, at=timezone.now())
    return created


def _command_of(instance: Instance, command_id: str) -> AgentCommand | None:
    try:
        key = uuid.UUID(command_id)
    except ValueError:
        return None
    return AgentCommand.objects.select_for_update().filter(pk=key, instance=instance).first()


def _finding_of(instance: Instance, command: AgentCommand | None) -> Finding | None:
    if command is not None and command.finding_id is not None:
        return Finding.objects.filter(pk=command.finding_id).first()
    rows = Finding.objects.filter(service_id=instance.service_id, family="heap")
    return rows.exclude(status=FindingStatus.RESOLVED).first()


def _paths(answer: HolderAnswer) -> list[dict[str, str | float | int]]:
    ranked = sorted(answer.paths, key=lambda path: -path.share)
    return [{"path": p.path, "share": p.share, "objects": p.objects, "bytes": p.size_bytes} for p in ranked]


def _digest(answer: HolderAnswer) -> bytes:
    plain = asdict(answer) | {"at": answer.at.timestamp()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()
