"""Ask a service's agents for more when memory grows: to sample, and to say who holds the suspects' objects."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from profiler_server.analysis.actions.request_command import CommandRequest, request_command
from profiler_server.analysis.models import CommandKind, Family, Finding
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.leak import Evaluation

ARM_SECONDS = 300
ASKED_INSTANCES = 2
ALIVE_WITHIN = timedelta(minutes=5)
ABLE_LANGUAGES = ("python",)


def ask_agents(service: Service, said: Evaluation, found: Finding | None, *, at: datetime) -> int:
    """Ask the newest live instances of a Python service, and return how many requests were made.

    Under suspicion they are asked to sample; once a heap leak has suspects, to find the holders of the first one. The
    same is not asked again within `request_command.REPEAT_AFTER`.
    """
    if not said.state.wants_sites:
        return 0
    wanted = [CommandRequest(CommandKind.ARM_SAMPLER, {"seconds": ARM_SECONDS})]
    site = _site(said)
    if found is not None and found.family == Family.HEAP and site:
        wanted.append(CommandRequest(CommandKind.FIND_HOLDERS, {"site": site}))
    asked = [
        request_command(instance, request, at=at, finding=found if found and found.is_open else None)
        for instance in _able_instances(service, at)
        for request in wanted
    ]
    return sum(command is not None for command in asked)


def _able_instances(service: Service, at: datetime) -> list[Instance]:
    alive = Instance.objects.filter(service=service, last_seen_at__gt=at - ALIVE_WITHIN, ended_at=None)
    return list(alive.filter(language__in=ABLE_LANGUAGES).order_by("-last_seen_at")[:ASKED_INSTANCES])


def _site(said: Evaluation) -> list[dict[str, Any]]:
    """Return the first suspect's frames as the wire carries them, leaf first."""
    if not said.suspects:
        return []
    first = said.suspects[0]
    return [{"function": first.function, "file": first.file, "line": first.line}]
