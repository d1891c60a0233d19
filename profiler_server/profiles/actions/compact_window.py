"""Seal a window: its hot profiles become one chunk per instance, with the sums of the window, in one transaction.

A service is compacted by one worker at a time (an advisory lock that ends with the transaction): another finds it busy
and goes on. A late profile makes its window due again; it is merged into the chunk, the sums are written anew, and the
next window is told when the profile that its increases are counted from changed. A crash leaves everything as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from django.db import transaction

from profiler_server.profiles.aggregation import Aggregation, aggregation_of
from profiler_server.profiles.contents import WindowContents
from profiler_server.profiles.hot_blocks import Stream
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.reading import Reading, micros
from profiler_server.profiles.rollups import ScopeSum, release_ids, scope_sums, type_parts, types_of
from profiler_server.profiles.shapes import StoredShape
from profiler_server.profiles.statements import CHUNK, HOUR_SUM, SQL, WINDOW_SUM
from profiler_server.profiles.sums import Grid
from profiler_server.profiles.window_rows import (
    Base,
    Chunk,
    Decoder,
    Pending,
    fetch_rows,
    merge_contents,
    write_chunk,
)
from profiler_server.storage.consistent import reading_committed
from profiler_server.storage.locks import try_lock
from profiler_server.storage.partitions import ensure_partitions
from profiler_server.storage.times import EPOCH, HOUR, MICROSECOND, WINDOW, WINDOW_SECONDS, hour_of

LOCK = "profiles.compaction"


class Outcome(Enum):
    """What came of an attempt."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    BUSY = "another worker has the service"


def compact_window(service: ServiceKey, window_at: datetime, *, rebuild: bool = False) -> Outcome:
    """Bring one window's chunks and sums up to date; with `rebuild` the sums are written in any case."""
    ensure_partitions(CHUNK, [window_at])
    ensure_partitions(WINDOW_SUM, [window_at])
    with reading_committed(), transaction.atomic():
        if not try_lock(LOCK, service.project_id, service.service_id):
            return Outcome.BUSY
        rows = fetch_rows(service, window_at, window_at + WINDOW)
        decoder = Decoder.of(service)
        pending = decoder.pending(rows)
        chunks = {stream: found[0] for stream, found in decoder.chunks(rows).items()}
        if not pending and not rebuild and not any(chunk.is_stale for chunk in chunks.values()):
            return Outcome.NOTHING_TO_DO
        bases = decoder.bases(rows, window_at)
        contents = _write_chunks(service, window_at, (pending, chunks, bases), decoder)
        _write_window_sums(service, window_at, contents, bases, decoder.shapes)
        SQL.run("mark_hour_due", service.parameters | {"hour_at": hour_of(window_at)})
    return Outcome.DONE


def compact_hour(service: ServiceKey, hour_at: datetime) -> Outcome:
    """Write the sums of an hour if it is due."""
    ensure_partitions(HOUR_SUM, [hour_at])
    with reading_committed(), transaction.atomic():
        if not try_lock(LOCK, service.project_id, service.service_id):
            return Outcome.BUSY
        if not SQL.fetch("take_due_hour", service.parameters | {"hour_at": hour_at}):
            return Outcome.NOTHING_TO_DO
        rows = fetch_rows(service, hour_at, hour_at + HOUR, with_hot=False)
        decoder = Decoder.of(service)
        chunks = decoder.chunks(rows)
        contents = [chunk.contents for stream in sorted(chunks) for chunk in chunks[stream]]
        bases = decoder.bases(rows, hour_at)
        for one in _sums(service, (hour_at, hour_at + HOUR), contents, bases, decoder.shapes):
            SQL.run("upsert_hour_sum", _hour_row(service, hour_at, one))
    return Outcome.DONE


def _write_chunks(
    service: ServiceKey,
    window_at: datetime,
    found: tuple[dict[Stream, Pending], dict[Stream, Chunk], dict[Stream, Base]],
    decoder: Decoder,
) -> list[WindowContents]:
    """Write the chunks that changed and return the contents of all."""
    pending, chunks, bases = found
    contents = {stream: chunk.contents for stream, chunk in chunks.items()}
    for stream, news in pending.items():
        whole = merge_contents(contents.get(stream), news.contents)
        base = bases.get(stream)
        origin = decoder.origin(whole.stored)
        base_at = base.taken_at if base else None
        write_chunk(service, window_at, whole, origin, covers=news.covers, base_at=base_at)
        last_at = EPOCH + int(whole.catalogue.taken_us[-1]) * MICROSECOND
        SQL.run("mark_stale", _stream(service, stream) | {"window_at": window_at, "last_at": last_at})
        contents[stream] = whole
    for stream, chunk in chunks.items():
        if chunk.is_stale and stream not in pending:
            base = bases.get(stream)
            base_at = base.taken_at if base else None
            SQL.run("refresh_chunk", _stream(service, stream) | {"window_at": window_at, "base_at": base_at})
    return [contents[stream] for stream in sorted(contents)]


def _write_window_sums(
    service: ServiceKey,
    window_at: datetime,
    contents: Sequence[WindowContents],
    bases: dict[Stream, Base],
    shapes: dict[int, StoredShape],
) -> None:
    for one in _sums(service, (window_at, window_at + WINDOW), contents, bases, shapes, with_instances=False):
        ((_, low, high),) = one.seen
        start = micros(window_at) // 1_000_000
        SQL.run("upsert_window_sum", _sum_row(service, one) | {
            "window_at": window_at,
            "low": low - start,
            "high": high - start,
        })  # fmt: skip


def _sums(
    service: ServiceKey,
    span: tuple[datetime, datetime],
    contents: Sequence[WindowContents],
    bases: dict[Stream, Base],
    shapes: dict[int, StoredShape],
    *,
    with_instances: bool = True,
) -> list[ScopeSum]:
    """Return the sums of every sample type and scope over a span of whole windows."""
    grid = Grid(0, WINDOW_SECONDS, micros(span[0]), micros(span[1]))
    release_of = release_ids(service, sorted({one.instance_id for one in contents}))
    found: list[ScopeSum] = []
    for type_id, kind in types_of(shapes).items():
        needs_base = aggregation_of(kind.name) is Aggregation.INCREASE
        readings = _readings(type_id, contents, bases if needs_base else {})
        of_type = type_parts(readings, kind.name, shapes, grid)
        found += scope_sums(type_id, of_type, release_of, with_instances=with_instances)
    return found


def _readings(type_id: int, contents: Sequence[WindowContents], bases: dict[Stream, Base]) -> list[Reading]:
    """Return one sample type of the contents and of what increases are counted from, in order."""
    found = [
        one.reading(one.stored.type_ids.index(type_id)) for one in contents if type_id in one.stored.type_ids
    ]
    present = {(one.instance_id, one.shape_id) for one in found}
    for stream, base in bases.items():
        if stream in present:
            found.append(base.reading(stream, base.stored.type_ids.index(type_id)))
    return sorted(found, key=lambda one: (one.instance_id, one.shape_id, int(one.taken_us[0])))


def _stream(service: ServiceKey, stream: Stream) -> dict[str, object]:
    return service.parameters | {"instance_id": stream[0], "shape_id": stream[1]}


def _sum_row(service: ServiceKey, one: ScopeSum) -> dict[str, object]:
    return service.parameters | {
        "scope": int(one.scope),
        "scope_id": one.scope_id,
        "type_id": one.type_id,
        "profiles": one.profiles,
        "block": one.block,
    }


def _hour_row(service: ServiceKey, hour_at: datetime, one: ScopeSum) -> dict[str, object]:
    start = micros(hour_at) // 1_000_000
    seen = [bound - start for _, low, high in one.seen for bound in (low, high)]
    return _sum_row(service, one) | {"hour_at": hour_at, "seen": seen}
