"""Ask an agent to do something; it is told in the answer to its next push."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from profiler_server.analysis.models import AgentCommand, CommandKind, Finding
from profiler_server.catalog.models import Instance

COMMAND_LIFETIME = timedelta(minutes=30)
REPEAT_AFTER = timedelta(minutes=30)


@dataclass(frozen=True)
class CommandRequest:
    """What is asked: `arguments` is what the wire carries beside id and kind."""

    kind: CommandKind
    arguments: dict[str, Any] = field(default_factory=dict)


def request_command(
    instance: Instance,
    request: CommandRequest,
    *,
    at: datetime,
    finding: Finding | None = None,
    requested_by_id: int | None = None,
) -> AgentCommand | None:
    """Return the new command, or None when the same was asked of the instance within `REPEAT_AFTER`.

    A person's request (`requested_by_id`) is never held back by an earlier one.
    """
    with transaction.atomic():
        Instance.objects.select_for_update(no_key=True).filter(pk=instance.pk).first()  # one asker at a time
        earlier = AgentCommand.objects.filter(
            instance=instance, kind=request.kind, created_at__gt=at - REPEAT_AFTER
        )
        if requested_by_id is None and earlier.exists():
            return None
        return AgentCommand.objects.create(
            project_id=instance.project_id,
            instance=instance,
            finding=finding,
            kind=request.kind,
            arguments=request.arguments,
            requested_by_id=requested_by_id,
            created_at=at,
            expires_at=at + COMMAND_LIFETIME,
            deliver_after=at,
        )
