"""Ask a service's agents, for a person, who holds the objects of a call site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from profiler_server.analysis.actions.ask_agents import able_instances
from profiler_server.analysis.actions.request_command import CommandRequest, request_command
from profiler_server.analysis.growing_site import MAX_SITE_FRAMES
from profiler_server.analysis.models import CommandKind, Family, Finding, FindingStatus
from profiler_server.catalog.models import Service
from profiler_server.core.errors import Conflict
from profiler_server.core.profile import Frame


def ask_who_holds(service: Service, site: Sequence[Frame], *, actor_id: int, at: datetime) -> int:
    """Return how many running instances were asked who holds the objects of `site` (frames, leaf first).

    The answer belongs to the service's open heap finding, if it has one. Raises `Conflict` when nobody can tell.
    """
    instances = able_instances(service, at)
    if not instances:
        raise Conflict(
            f"Nobody can tell: no instance of {service.name} with the Python agent has reported in the last minutes."
        )
    arguments = {"site": [asdict(frame) for frame in site[:MAX_SITE_FRAMES]]}
    request = CommandRequest(CommandKind.FIND_HOLDERS, arguments)
    found = (
        Finding.objects.filter(service=service, family=Family.HEAP)
        .exclude(status=FindingStatus.RESOLVED)
        .first()
    )
    for instance in instances:
        request_command(instance, request, at=at, finding=found, requested_by_id=actor_id)
    return len(instances)
