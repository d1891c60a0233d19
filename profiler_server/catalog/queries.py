"""What is known of a project's services, their instances, releases and markers."""

from __future__ import annotations

from datetime import datetime

from profiler_server.catalog.models import Instance, Marker, Release, Service
from profiler_server.core.errors import NotFound

MAX_INSTANCES = 5_000
MAX_MARKERS = 2_000
MAX_RESTARTS = 24


def services(project_id: int) -> list[Service]:
    """Return the project's services by name."""
    return list(Service.objects.filter(project_id=project_id).order_by("name"))


def service_by_name(project_id: int, name: str) -> Service:
    """Return one service. Raises `NotFound`."""
    found = Service.objects.filter(project_id=project_id, name=name).first()
    if found is None:
        raise NotFound(f"There is no service {name!r} in this project.")
    return found


def instances(service_id: int, start: datetime, end: datetime) -> list[Instance]:
    """Return the instances heard of within [start, end], by start; the latest `MAX_INSTANCES` of them."""
    seen = Instance.objects.filter(service_id=service_id, last_seen_at__gte=start, first_seen_at__lte=end)
    return sorted(seen.order_by("-last_seen_at")[:MAX_INSTANCES], key=lambda one: (one.started_at, one.pk))


def releases(service_id: int) -> list[Release]:
    """Return the service's releases, oldest first."""
    return list(Release.objects.filter(service_id=service_id).order_by("first_seen_at", "id"))


def markers(service_id: int, start: datetime, end: datetime) -> list[Marker]:
    """Return the markers within [start, end], oldest first; the latest `MAX_MARKERS` of them."""
    found = Marker.objects.filter(service_id=service_id, at__range=(start, end)).select_related("instance")
    return sorted(found.order_by("-at", "-id")[:MAX_MARKERS], key=lambda one: (one.at, one.pk))


def restarts(service_id: int, start: datetime, end: datetime) -> list[float]:
    """Return when instances began within (start, end), unix seconds; none where more than `MAX_RESTARTS` did.

    Beyond that number instances come and go all the time, and no single start breaks the service's sum.
    """
    begun = Instance.objects.filter(service_id=service_id, started_at__gt=start, started_at__lt=end)
    found = begun.order_by("started_at").values_list("started_at", flat=True)[: MAX_RESTARTS + 1]
    return [moment.timestamp() for moment in found] if len(found) <= MAX_RESTARTS else []
