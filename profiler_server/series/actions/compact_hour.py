"""Seal an hour: its batches become one chunk per instance with its downsampled tiers, in one transaction.

One worker at a time has a service; another finds it busy and goes on. Late batches make the hour due again and are
merged into the chunk. A running hour is compacted now and then too, so that readers open few batches.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from itertools import groupby

from django.db import transaction

from profiler_server.core.points import PointBatch
from profiler_server.series.batches import decode_batch
from profiler_server.series.column_sets import column_sets, intern_column_set
from profiler_server.series.hours import (
    FIVE_MINUTES,
    hourly_row,
    join_batches,
    pack_buckets,
    pack_hour,
    thin,
    unpack_hour,
)
from profiler_server.series.statements import CHUNK, HOURLY, SQL
from profiler_server.series.statements import FIVE_MINUTES as FIVE_MINUTES_TABLE
from profiler_server.storage.locks import try_lock
from profiler_server.storage.partitions import ensure_partitions
from profiler_server.storage.services import ServiceKey

LOCK = "series.compaction"


class Outcome(Enum):
    """What came of an attempt."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    BUSY = "another worker has the service"


def compact_hour(service: ServiceKey, hour_at: datetime) -> Outcome:
    """Merge the hour's batches that no chunk holds into chunks."""
    for table in (CHUNK, FIVE_MINUTES_TABLE, HOURLY):
        ensure_partitions(table, [hour_at])
    with transaction.atomic():
        if not try_lock(LOCK, service.project_id, service.service_id):
            return Outcome.BUSY
        key = service.parameters | {"hour_at": hour_at}
        rows = SQL.fetch("pending_hour", key)
        if not rows:
            return Outcome.NOTHING_TO_DO
        sets = column_sets(service)
        start = hour_at.timestamp()
        known = SQL.fetch("chunks_of_hour", key | {"instance_ids": sorted({row[0] for row in rows})})
        chunks = {row[0]: unpack_hour(row[4], row[3], sets[row[1]], start, row[2]) for row in known}
        for instance_id, group in groupby(rows, key=lambda row: row[0]):
            pending = list(group)
            batches = [decode_batch(row[3], sets[row[1]], row[2]) for row in pending]
            if instance_id in chunks:
                batches.insert(0, chunks[instance_id])
            _write(
                service, key | {"instance_id": instance_id, "covers": pending[0][4]}, join_batches(batches)
            )
    return Outcome.DONE


def _write(service: ServiceKey, key: dict[str, object], points: PointBatch) -> None:
    """Write the chunk and its tiers."""
    hour_at: datetime = key["hour_at"]  # type: ignore[assignment]
    start = hour_at.timestamp()
    row = key | {"set_id": intern_column_set(service, tuple(points.columns)), "points": len(points)}
    chunk = pack_hour(points, start)
    SQL.run("upsert_chunk", row | {"ends": chunk.ends, "data": chunk.data})
    buckets = thin(points, start, FIVE_MINUTES)
    packed = pack_buckets(buckets, start)
    SQL.run(
        "upsert_five_minutes", row | {"buckets": len(buckets.ts), "ends": packed.ends, "data": packed.data}
    )
    SQL.run("upsert_hourly", row | dict(hourly_row(points, start)))
