"""Which hours of points have to be compacted now."""

from __future__ import annotations

from datetime import datetime, timedelta

from profiler_server.series.statements import SQL
from profiler_server.storage.services import Due, dues

GRACE = timedelta(seconds=90)
QUIET = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=10)  # a running hour is compacted when a batch waits for so long
MAX_DUE_AT_ONCE = 5_000


def due_hours(now: datetime, *, limit: int = MAX_DUE_AT_ONCE) -> list[Due]:
    """Return the hours with batches that no chunk holds, by service and time."""
    parameters = {
        "ended_before": now - GRACE,
        "quiet_since": now - QUIET,
        "waiting_since": now - LONGEST_WAIT,
        "most": limit,
    }
    return dues(SQL.fetch("due_hours", parameters))
