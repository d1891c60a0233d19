"""Retention: partitions are made ahead and dropped whole, no row is ever deleted.

A hot partition goes once all its profiles are in chunks. A profile that slips in between that check and the drop is
carried over into a new partition.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from profiler_server.profiles.statements import CHUNK, HOT, HOUR_SUM, SQL, WINDOW_SUM
from profiler_server.storage.partitions import Partition
from profiler_server.storage.retention import Maintained, keep_in_step

HOT_KEPT = timedelta(
    minutes=20
)  # queries look through all hot rows for what is not in chunks: fewer is quicker


def maintain_partitions(
    now: datetime, *, retention: timedelta | None = None, sums_retention: timedelta | None = None
) -> Maintained:
    """Bring the partitions of all tables in step with `now`; the retentions default to the settings'."""
    retention = retention or timedelta(days=settings.ENV.retention_days)
    sums_retention = sums_retention or timedelta(days=settings.ENV.rollup_retention_days)
    return (
        keep_in_step(HOT, now, HOT_KEPT, may_drop=_is_compacted, rescue=SQL.template("rescue_hot"))
        + keep_in_step(CHUNK, now, retention)
        + keep_in_step(WINDOW_SUM, now, retention)
        + keep_in_step(HOUR_SUM, now, sums_retention)
    )


def _is_compacted(partition: Partition) -> bool:
    ((pending,),) = SQL.fetch("has_pending", {"start": partition.start, "end": partition.end})
    return not pending
