"""Keep the events that an agent or a person reports about a service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from profiler_server.catalog.identity import ReportedMarker
from profiler_server.catalog.models import Instance, Marker, MarkerKind

SAME_DEPLOY_WITHIN = timedelta(minutes=10)
TEXT_CHARACTERS = 500
VERSION_CHARACTERS = 120


def record_markers(instance: Instance, markers: Sequence[ReportedMarker]) -> int:
    """Store the markers once each and return how many were given.

    A deploy concerns the whole service: the same version reported by several instances within `SAME_DEPLOY_WITHIN`
    is one marker. Other kinds belong to the instance.
    """
    for marker in markers:
        whole_service = marker.kind == MarkerKind.DEPLOY
        if not (whole_service and _deploy_known(instance, marker)):
            Marker.objects.get_or_create(
                project_id=instance.project_id,
                service_id=instance.service_id,
                instance=None if whole_service else instance,
                at=marker.at,
                kind=marker.kind,
                defaults={"version": marker.version[:VERSION_CHARACTERS], "text": marker.text[:TEXT_CHARACTERS]},
            )
    return len(markers)


def _deploy_known(instance: Instance, marker: ReportedMarker) -> bool:
    return Marker.objects.filter(
        service_id=instance.service_id,
        kind=MarkerKind.DEPLOY,
        version=marker.version[:VERSION_CHARACTERS],
        at__range=(marker.at - SAME_DEPLOY_WITHIN, marker.at + SAME_DEPLOY_WITHIN),
    ).exists()
