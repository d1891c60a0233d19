"""Retention of points: partitions are made ahead and dropped whole, no row is ever deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from profiler_server.series.statements import CHUNK, FIVE_MINUTES, HOT, HOURLY, SQL
from profiler_server.storage.retention import Maintained, maintain

HOT_KEPT = timedelta(minutes=10)


def maintain_partitions(
    now: datetime, *, retention: timedelta | None = None, tiers_retention: timedelta | None = None
) -> Maintained:
    """Bring the partitions of all tables in step with `now`; the retentions default to the settings'."""
    retention = retention or timedelta(days=settings.ENV.retention_days)
    tiers_retention = tiers_retention or timedelta(days=settings.ENV.rollup_retention_days)
    kept = (CHUNK, retention), (FIVE_MINUTES, tiers_retention), (HOURLY, tiers_retention)
    return maintain(now, SQL, (HOT, HOT_KEPT), *kept)
