"""Hand an instance's waiting commands to its agent, in the answer to a push."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from profiler_server.analysis.models import AgentCommand, CommandKind

MAX_COMMANDS_PER_ANSWER = 5
MAX_DELIVERIES = 3
REDELIVER_AFTER = timedelta(minutes=3)
WAITING_CACHE_SECONDS = 1.0
MAX_WAITING_CACHED = 20_000


class WaitingInstances:
    """Which instances have commands waiting: one small query a second, instead of one per push."""

    def __init__(self) -> None:
        self._known: frozenset[int] | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def may_include(self, instance_id: int, at: datetime) -> bool:
        """Return False only when the instance had nothing waiting within the last second."""
        with self._lock:
            stale = time.monotonic() >= self._until
            if stale:
                self._until = time.monotonic() + WAITING_CACHE_SECONDS
        if stale:
            self._known = self._read(at)
        return self._known is None or instance_id in self._known

    def forget(self) -> None:
        """Ask the database at the next push."""
        self._until = 0.0

    @staticmethod
    def _read(at: datetime) -> frozenset[int] | None:
        rows = _waiting(at).values_list("instance_id", flat=True).distinct()[: MAX_WAITING_CACHED + 1]
        ids = frozenset(rows)
        return None if len(ids) > MAX_WAITING_CACHED else ids


WAITING = WaitingInstances()


def deliver_commands(instance_id: int, *, at: datetime) -> list[dict[str, Any]]:
    """Return the commands that are due for the instance, in the wire's form, and note their delivery.

    A command that needs an answer and has none is delivered again after `REDELIVER_AFTER`, at most `MAX_DELIVERIES`
    times; agents know a command by its id and carry it out once.
    """
    if not WAITING.may_include(instance_id, at):
        return []
    with transaction.atomic():
        due = _waiting(at).filter(instance_id=instance_id).order_by("created_at")
        commands = list(due.select_for_update(skip_locked=True)[:MAX_COMMANDS_PER_ANSWER])
        for command in commands:
            _note_delivery(command, at)
    return [{"id": str(c.pk), "kind": c.kind, **c.arguments} for c in commands]


def _waiting(at: datetime) -> Any:
    return AgentCommand.objects.filter(
        answered_at=None, expires_at__gt=at, deliver_after__lte=at, deliveries__lt=MAX_DELIVERIES
    )


def _note_delivery(command: AgentCommand, at: datetime) -> None:
    needs_answer = command.kind == CommandKind.FIND_HOLDERS
    AgentCommand.objects.filter(pk=command.pk).update(
        deliveries=F("deliveries") + 1,
        deliver_after=at + REDELIVER_AFTER,
        answered_at=None if needs_answer else at,
    )
