"""Keep the snapshots that tell a finding's story, or a kill's, beyond the ordinary retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from profiler_server.analysis.models import Finding
from profiler_server.catalog.models import Marker as MarkerRow
from profiler_server.catalog.models import MarkerKind, Service
from profiler_server.core.leak import Marker
from profiler_server.profiles.actions.keep_snapshots import keep_snapshots_around

PROTECTED_KINDS = (MarkerKind.OOM.value, MarkerKind.RESTART.value, MarkerKind.EXIT.value)
LATE = timedelta(minutes=15)
MAX_MARKERS_AT_ONCE = 5
MAX_MARKERS_PER_DAY = 24


def protect_finding(service: Service, found: Finding, *moments: datetime) -> None:
    """Keep the snapshots around the given moments of a finding: its beginning, its detection, its end."""
    for moment in moments:
        keep_snapshots_around(service.project_id, service.pk, moment, reason=f"finding:{found.pk}")


def protect_ends(service: Service, markers: tuple[Marker, ...], *, since: datetime | None) -> None:
    """Keep the last snapshots before each kill, exit or restart that came after `since` (None: all of them).

    A kill is known only when its process has been silent for a while, and a marker may come late: those of the last
    `LATE` before `since` are looked at again, and what is kept already stays as it is. A service that restarts all
    the time fills no disk: at most `MAX_MARKERS_PER_DAY` of a kind are honoured.
    """
    begin = 0.0 if since is None else (since - LATE).timestamp()
    fresh = [marker for marker in markers if marker.kind in PROTECTED_KINDS and marker.ts > begin]
    for marker in fresh[-MAX_MARKERS_AT_ONCE:]:
        at = datetime.fromtimestamp(marker.ts, UTC)
        day = (at - timedelta(days=1), at)
        if (
            MarkerRow.objects.filter(service=service, kind=marker.kind, at__range=day).count()
            <= MAX_MARKERS_PER_DAY
        ):
            keep_snapshots_around(service.project_id, service.pk, at, reason=marker.kind)
