"""The check of all stored points: orphans, and blocks that cannot be what was written."""

from __future__ import annotations

from collections.abc import Iterator

from profiler_server.core.errors import ProfilerError
from profiler_server.series.batches import decode_batch
from profiler_server.series.hours import unpack_hour
from profiler_server.series.statements import CHUNK, SQL
from profiler_server.storage.partitions import partitions


def check_points() -> Iterator[str]:
    """Yield one sentence for each fault in the tables of points."""
    for source, project_id, service_id, rows in SQL.fetch("fsck_orphans", {}):
        yield f"{source}: service {service_id} of project {project_id} has {rows} rows of instances that do not exist."
    for _, service_id, instance_id, first_at, names, points, block in SQL.fetch("fsck_hot", {}):
        where = f"series_hot: service {service_id}, instance {instance_id} at {first_at}"
        if names is None:
            yield f"{where}: its column set does not exist."
            continue
        try:
            decode_batch(block, names, points)
        except ProfilerError as error:
            yield f"{where}: {error.message}"
    for partition in partitions(CHUNK):
        for row in SQL.fetch("fsck_chunks", {"start": partition.start, "end": partition.end}):
            yield from _check_chunk(*row)


def _check_chunk(*row: object) -> Iterator[str]:
    _, service_id, instance_id, hour_at, names, points, ends, data = row
    where = f"series_chunk: service {service_id}, instance {instance_id}, hour {hour_at}"
    if names is None:
        yield f"{where}: its column set does not exist."
        return
    try:
        unpack_hour(data, ends, names, hour_at.timestamp(), points)  # type: ignore[arg-type, attr-defined]
    except (ProfilerError, ValueError) as error:
        yield f"{where}: {error}"
