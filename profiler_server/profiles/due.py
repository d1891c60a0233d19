"""What has to be compacted now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.statements import SQL
from profiler_server.storage.times import EPOCH

GRACE = timedelta(seconds=45)  # how long after its end a window waits for the last profiles
QUIET = timedelta(seconds=15)  # a window that still receives profiles is left alone …
PATIENCE = timedelta(minutes=5)  # … but not for longer
MAX_DUE_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class DueWindow:
    """A window or an hour of a service, by its start."""

    service: ServiceKey
    at: datetime


def due_windows(now: datetime, *, limit: int = MAX_DUE_AT_ONCE) -> list[DueWindow]:
    """Return the windows with profiles that no chunk holds yet, by service and time."""
    parameters = {
        "ended_before": now - GRACE,
        "quiet_since": now - QUIET,
        "patience_until": now - PATIENCE,
        "most": limit,
    }
    return [DueWindow(ServiceKey(*row[:2]), row[2]) for row in SQL.fetch("due_windows", parameters)]


def stale_windows(service: ServiceKey) -> Iterator[datetime]:
    """Yield the service's stale windows, oldest first, looking again after each until there are none."""
    last: datetime | None = None
    while True:
        rows = SQL.fetch("stale_windows", service.parameters | {"start": EPOCH, "end": "infinity"})
        if not rows or rows[0][0] == last:
            return
        last = rows[0][0]
        yield rows[0][0]


def due_hours(now: datetime, *, limit: int = MAX_DUE_AT_ONCE) -> list[DueWindow]:
    """Return the hours whose sums are behind their windows', by service and time."""
    rows = SQL.fetch("due_hours", {"ended_before": now - GRACE, "most": limit})
    return [DueWindow(ServiceKey(*row[:2]), row[2]) for row in rows]
