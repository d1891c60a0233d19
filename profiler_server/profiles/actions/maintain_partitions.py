"""Retention of profiles: partitions are made ahead and dropped whole, no row is ever deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from profiler_server.profiles.statements import CHUNK, HOT, HOUR_SUM, SQL, WINDOW_SUM
from profiler_server.storage.retention import Maintained, maintain

HOT_KEPT = timedelta(
    minutes=20
)  # queries look through all hot rows for what is not in chunks: fewer is quicker


def maintain_partitions(
    now: datetime, *, retention: timedelta | None = None, sums_retention: timedelta | None = None
) -> Maintained:
    """Bring the partitions of all tables in step with `now`; the retentions default to the settings'."""
    retention = retention or timedelta(days=settings.ENV.retention_days)
    sums_retention = sums_retention or timedelta(days=settings.ENV.rollup_retention_days)
    kept = (CHUNK, retention), (WINDOW_SUM, retention), (HOUR_SUM, sums_retention)
    return maintain(now, SQL, (HOT, HOT_KEPT), *kept)
