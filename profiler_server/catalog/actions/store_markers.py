"""Keep the events that an agent reports about its service: deploys, restarts, kills, exits, notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from profiler_server.catalog.models import Instance, Marker, MarkerKind

SAME_DEPLOY_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class PushedMarker:
    """A marker as an agent sends it."""

    at: datetime
    kind: str
    version: str = ""
    text: str = ""


def store_markers(instance: Instance, markers: Sequence[PushedMarker]) -> int:
    """Store the markers once each, in one write, and return how many were kept or were known already.

    A deploy concerns the whole service: the same version reported by several instances within `SAME_DEPLOY_WITHIN`
    is one marker, and one that was noted when the release was first seen moves to its earlier, stated time. The other
    kinds belong to the instance.
    """
    rows = [_row(instance, marker) for marker in markers if not _deploy_is_known(instance, marker)]
    Marker.objects.bulk_create(rows, ignore_conflicts=True)
    return len(markers)


def _row(instance: Instance, marker: PushedMarker) -> Marker:
    return Marker(
        project_id=instance.project_id,
        service_id=instance.service_id,
        instance=None if marker.kind == MarkerKind.DEPLOY else instance,
        at=marker.at,
        kind=marker.kind,
        version=marker.version,
        text=marker.text,
    )


def _deploy_is_known(instance: Instance, marker: PushedMarker) -> bool:
    if marker.kind != MarkerKind.DEPLOY:
        return False
    deploys = Marker.objects.filter(
        service_id=instance.service_id, kind=MarkerKind.DEPLOY, version=marker.version
    )
    near = (marker.at - SAME_DEPLOY_WITHIN, marker.at + SAME_DEPLOY_WITHIN)
    if deploys.filter(at__range=near).exists():
        return True
    earliest = deploys.order_by("at").first()
    if earliest is None or earliest.at <= marker.at:
        return False
    earliest.at, earliest.text = marker.at, marker.text
    earliest.save(update_fields=["at", "text"])
    return True
