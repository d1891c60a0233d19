"""Retention of points: partitions are made ahead and dropped whole, no row is ever deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from profiler_server.series.statements import CHUNK, FIVE_MINUTES, HOT, HOURLY, SQL
from profiler_server.storage.partitions import Partition
from profiler_server.storage.retention import Maintained, keep_in_step

HOT_KEPT = timedelta(minutes=10)


def maintain_partitions(
    now: datetime, *, retention: timedelta | None = None, tiers_retention: timedelta | None = None
) -> Maintained:
    """Bring the partitions of all tables in step with `now`; the retentions default to the settings'."""
    retention = retention or timedelta(days=settings.ENV.retention_days)
    tiers_retention = tiers_retention or timedelta(days=settings.ENV.rollup_retention_days)
    return (
        keep_in_step(HOT, now, HOT_KEPT, may_drop=_is_compacted, rescue=SQL.template("rescue_hot"))
        + keep_in_step(CHUNK, now, retention)
        + keep_in_step(FIVE_MINUTES, now, tiers_retention)
        + keep_in_step(HOURLY, now, tiers_retention)
    )


def _is_compacted(partition: Partition) -> bool:
    ((pending,),) = SQL.fetch("has_pending", {"start": partition.start, "end": partition.end})
    return not pending
