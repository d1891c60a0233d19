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

from profiler_server.catalog.actions.observe_instance import is_release_due, is_seen_due, remember_seen
from profiler_server.catalog.models import Instance
from profiler_server.core.errors import InvalidPoints
from profiler_server.core.points import PointBatch
from profiler_server.series.batches import encode_batch, rounded_times
from profiler_server.series.column_sets import intern_column_set
from profiler_server.series.hot_rows import HOT_WRITER, Push
from profiler_server.series.statements import HOT
from profiler_server.storage.partitions import ensure_partitions, forget_partitions
from profiler_server.storage.services import ServiceKey
from profiler_server.storage.times import from_unix, hour_of

MAX_FUTURE = timedelta(minutes=15)
SECONDS_PER_HOUR = 3600


def store_points(
    instance: Instance,
    batch: PointBatch,
    *,
    now: datetime | None = None,
    retention: timedelta | None = None,
    seen_at: datetime | None = None,
) -> int:
    """Keep the batch (times rising) and return how many of its points were in rows that are new.

    Idempotent per instance and time: a batch sent again is the same row, and where batches overlap readers and
    compaction take each (time, column) once. Times are kept to the millisecond. With `seen_at` it is noted in the same
    commit that the instance was heard of then, when that is news. Raises `InvalidPoints` for times
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
    if seen_at is not None and not is_seen_due(instance, seen_at):
        seen_at = None
    is_release_news = seen_at is not None and is_release_due(instance, seen_at)
    push = Push(instance, [_row(instance, part) for part in _by_hour(batch)], seen_at, is_release_news)
    stored = _write(push)
    if seen_at is not None:
        remember_seen(instance, seen_at)
    return stored


def _write(push: Push) -> int:
    for attempt in (1, 2):
        ensure_partitions(HOT, [row["first_at"] for row in push.rows])
        try:
            return HOT_WRITER.submit(push)
        except IntegrityError:  # a partition was dropped since this process last looked
            if attempt == 2:
                raise
            forget_partitions()
    return 0


def _by_hour(batch: PointBatch) -> Iterator[PointBatch]:
    """Yield the parts of the batch that lie in one hour each."""
    ts = rounded_times(batch.ts)
    hours = np.floor(ts / SECONDS_PER_HOUR)
    if hours[0] == hours[-1]:
        yield PointBatch(ts, batch.columns)
        return
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
