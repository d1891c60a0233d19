"""Keep points: one compressed row for each hour that a batch touches, the same batch only once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from profiler_server.catalog.models import Instance
from profiler_server.core.errors import InvalidPoints
from profiler_server.core.points import PointBatch
from profiler_server.series.batches import encode_batch, rounded_times
from profiler_server.series.column_sets import ServiceKey, intern_column_set
from profiler_server.series.statements import HOT, SQL
from profiler_server.storage.partitions import ensure_partitions, forget_partitions
from profiler_server.storage.sql import together
from profiler_server.storage.times import from_unix, hour_of

MAX_FUTURE = timedelta(minutes=15)
SECONDS_PER_HOUR = 3600


def store_points(
    instance: Instance, batch: PointBatch, *, now: datetime | None = None, retention: timedelta | None = None
) -> int:
    """Keep the batch (times rising) and return how many of its points were in rows that are new.

    Idempotent per instance and time: a batch sent again is the same row, and where batches overlap readers and
    compaction take each (time, column) once. Times are kept to the millisecond. Raises `InvalidPoints` for times
    outside the retention or in the future.
    """
    if not len(batch):
        return 0
    now = now or timezone.now()
    retention = retention or timedelta(days=settings.ENV.retention_days)
    if batch.ts[0] < (now - retention).timestamp():
        raise InvalidPoints(f"Points older than {retention.days} days are not kept any more.")
    if batch.ts[-1] > (now + MAX_FUTURE).timestamp():
        raise InvalidPoints("Points lie in the future; check the sender's clock.")
    rows = [_row(instance, part) for part in _by_hour(batch)]
    for attempt in (1, 2):
        ensure_partitions(HOT, [row["first_at"] for row in rows])
        try:
            with together(len(rows)):
                return sum(row["points"] for row in rows if SQL.run("insert_batch", row))
        except IntegrityError:  # a partition was dropped since this process last looked
            if attempt == 2:
                raise
            forget_partitions()
    return 0


def _by_hour(batch: PointBatch) -> Iterator[PointBatch]:
    """Yield the parts of the batch that lie in one hour each."""
    ts = rounded_times(batch.ts)
    hours = np.floor(ts / SECONDS_PER_HOUR)
    edges = np.flatnonzero(np.diff(hours)) + 1
    for low, high in zip([0, *edges.tolist()], [*edges.tolist(), len(ts)], strict=True):
        yield PointBatch(ts[low:high], {name: values[low:high] for name, values in batch.columns.items()})


def _row(instance: Instance, part: PointBatch) -> dict[str, Any]:
    names = tuple(part.columns)
    set_id = intern_column_set(ServiceKey(instance.project_id, instance.service_id), names)
    block = encode_batch(part)
    first_at = from_unix(float(part.ts[0]))
    return {
        "project_id": instance.project_id,
        "service_id": instance.service_id,
        "instance_id": instance.pk,
        "first_at": first_at,
        "hour_at": hour_of(first_at),
        "digest": _digest(block, set_id),
        "set_id": set_id,
        "points": len(part),
        "block": block,
    }


def _digest(block: bytes, set_id: int) -> int:
    found = blake2b(block, digest_size=8, salt=set_id.to_bytes(8, "little"))
    return int.from_bytes(found.digest(), "little", signed=True)
