"""What has to be compacted now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.statements import SQL
from profiler_server.storage.services import Due, dues
from profiler_server.storage.times import EPOCH

GRACE = timedelta(seconds=45)  # how long after its end a window waits for the last profiles
QUIET = timedelta(seconds=15)  # a window that still receives profiles is left alone …
PATIENCE = timedelta(minutes=5)  # … but not for longer
MAX_DUE_AT_ONCE = 2_000


def due_windows(now: datetime, *, limit: int = MAX_DUE_AT_ONCE) -> list[Due]:
    """Return the windows with profiles that no chunk holds yet, by service and time."""
    parameters = {
        "ended_before": now - GRACE,
        "quiet_since": now - QUIET,
        "patience_until": now - PATIENCE,
        "most": limit,
    }
    return dues(SQL.fetch("due_windows", parameters))


def stale_windows(service: ServiceKey) -> Iterator[datetime]:
    """Yield the service's stale windows, oldest first, looking again after each until there are none."""
    last: datetime | None = None
    while True:
        rows = SQL.fetch("stale_windows", service.parameters | {"start": EPOCH, "end": "infinity"})
        if not rows or rows[0][0] == last:
            return
        last = rows[0][0]
        yield rows[0][0]


def due_hours(now: datetime, *, limit: int = MAX_DUE_AT_ONCE) -> list[Due]:
    """Return the hours whose sums are behind their windows', by service and time."""
    return dues(SQL.fetch("due_hours", {"ended_before": now - GRACE, "most": limit}))
