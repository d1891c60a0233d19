"""Ask a service's agents for more when memory grows: to sample, and to say who holds the suspects' objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from profiler_server.analysis.actions.request_command import CommandRequest, request_command
from profiler_server.analysis.models import CommandKind, Family, Finding
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.profile import Frame

ARM_SECONDS = 300
ASKED_INSTANCES = 2
ALIVE_WITHIN = timedelta(minutes=5)
ABLE_LANGUAGES = ("python",)


def ask_agents(
    service: Service, found: Finding | None, *, site: Sequence[Frame], is_suspected: bool, at: datetime
) -> int:
    """Ask the newest live instances of a Python service, and return how many requests were made.

    Under suspicion they are asked to sample; once a heap leak has a growing `site` (leaf first), to find who holds its
    objects. The same is not asked again within `request_command.REPEAT_AFTER`.
    """
    if not is_suspected:
        return 0
    wanted = [CommandRequest(CommandKind.ARM_SAMPLER, {"seconds": ARM_SECONDS})]
    if found is not None and found.is_open and found.family == Family.HEAP and site:
        wanted.append(CommandRequest(CommandKind.FIND_HOLDERS, {"site": [asdict(frame) for frame in site]}))
    asked = [
        request_command(instance, request, at=at, finding=found if found and found.is_open else None)
        for instance in able_instances(service, at)
        for request in wanted
    ]
    return sum(command is not None for command in asked)


def able_instances(service: Service, at: datetime) -> list[Instance]:
    """Return the instances that can be asked, those that reported last first; at most `ASKED_INSTANCES`."""
    alive = Instance.objects.filter(service=service, last_seen_at__gt=at - ALIVE_WITHIN, ended_at=None)
    return list(alive.filter(language__in=ABLE_LANGUAGES).order_by("-last_seen_at")[:ASKED_INSTANCES])
