"""From stored rows to values per site: one sample type of hot profiles and chunks, in the order of time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.profile import Int32Array, Int64Array
from profiler_server.profiles.blocks import Block, Origin, decode_chunk, decode_run
from profiler_server.profiles.catalogue import decode_catalogue
from profiler_server.profiles.dictionary import Dictionary
from profiler_server.profiles.hot_blocks import Places, with_bases
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.shapes import StoredShape
from profiler_server.profiles.statements import SQL
from profiler_server.storage.sql import Row
from profiler_server.storage.times import EPOCH, MICROSECOND

MAX_HOT_PROFILES = 20_000
MAX_CHUNKS = 20_000
PENDING = Places(instance_id=0, taken_at=1, shape_id=2, block=3, base_at=4)


@dataclass(frozen=True, slots=True)
class Span:
    """Profiles of a service in [start, end): of some shapes, of all instances or some."""

    service: ServiceKey
    start: datetime
    end: datetime
    shapes: dict[int, StoredShape]
    instance_ids: list[int] | None

    @property
    def parameters(self) -> dict[str, object]:
        """Return the parameters of the reading statements."""
        return self.service.parameters | {
            "start": self.start,
            "end": self.end,
            "instance_ids": self.instance_ids,
            "shape_ids": list(self.shapes),
        }


@dataclass(frozen=True, eq=False)
class Reading:
    """One or more successive profiles of one instance and shape, one sample type.

    `taken_us` int64[t] microseconds since 1970, rising; `site_ids` int32[s]; `values` int64[s, t], 0 where a profile
    has not the site.
    """

    instance_id: int
    shape_id: int
    taken_us: Int64Array
    site_ids: Int32Array
    values: Int64Array


def micros(moment: datetime) -> int:
    """Return microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def fetch_pending(span: Span) -> list[Row]:
    """Return the rows of hot profiles that no chunk holds. Raises `LimitExceeded` beyond `MAX_HOT_PROFILES`."""
    return with_bases(span.service, _bounded("pending_profiles", span, MAX_HOT_PROFILES), PENDING)


def fetch_chunks(span: Span) -> list[Row]:
    """Return the rows of chunks. Raises `LimitExceeded` beyond `MAX_CHUNKS`."""
    return _bounded("read_chunks", span, MAX_CHUNKS)


def decode_readings(
    span: Span, rows: tuple[list[Row], list[Row]], dictionary: Dictionary, type_name: str
) -> list[Reading]:
    """Decode the rows of a span into readings, by instance, shape and time; each profile once."""
    hot, chunks = rows
    found = [one for row in chunks if (one := _of_chunk(span, row, dictionary, type_name)) is not None]
    in_chunks: dict[tuple[int, int], set[int]] = {}
    for one in found:
        in_chunks.setdefault((one.instance_id, one.shape_id), set()).update(one.taken_us.tolist())
    streams: dict[tuple[int, int], list[tuple[int, Block]]] = {}
    for instance_id, taken_at, shape_id, block, _ in hot:
        stream, taken = (instance_id, shape_id), micros(taken_at)
        if taken not in in_chunks.get(stream, ()):
            streams.setdefault(stream, []).append((taken, block))
    for stream, profiles in streams.items():
        origin, column = origin_of(span.shapes[stream[1]], dictionary, type_name)
        taken_us = np.array([taken for taken, _ in profiles], np.int64)
        done = 0
        for site_ids, values in decode_run((block for _, block in profiles), origin, column):
            count = values.shape[1]
            found.append(Reading(*stream, taken_us[done : done + count], site_ids, values))
            done += count
    return _in_order(found)


def origin_of(stored: StoredShape, dictionary: Dictionary, type_name: str) -> tuple[Origin, int]:
    """Return what reading a block of this shape needs, and the column of the sample type."""
    names = [kind.name for kind in stored.shape.sample_types]
    return Origin(len(names), stored.shape.go_rate, dictionary.sizes), names.index(type_name)


def _bounded(statement: str, span: Span, most: int) -> list[Row]:
    rows = SQL.fetch(statement, span.parameters | {"most": most + 1})
    if len(rows) > most:
        raise LimitExceeded(f"More than {most:,} stored blocks match; ask for less time or fewer instances.")
    return rows


def _of_chunk(span: Span, row: Row, dictionary: Dictionary, type_name: str) -> Reading | None:
    instance_id, shape_id, contents, block = row
    origin, column = origin_of(span.shapes[shape_id], dictionary, type_name)
    taken = decode_catalogue(contents).taken_us
    low, high = np.searchsorted(taken, [micros(span.start), micros(span.end)]).tolist()
    if low == high:
        return None
    site_ids, values = decode_chunk(block, origin, column, times=slice(low, high))
    return Reading(instance_id, shape_id, taken[low:high], site_ids, values[:, :, 0])


def _in_order(found: Iterable[Reading]) -> list[Reading]:
    """Sort by instance, shape and time; split a chunk where a late profile lies within it."""
    ordered = sorted(found, key=lambda one: (one.instance_id, one.shape_id, int(one.taken_us[0])))
    for before, after in itertools.pairwise(ordered):
        same = (before.instance_id, before.shape_id) == (after.instance_id, after.shape_id)
        if same and before.taken_us[-1] > after.taken_us[0]:
            cut = int(np.searchsorted(before.taken_us, after.taken_us[0]))
            rest = [one for one in ordered if one is not before]
            return _in_order([*rest, _part(before, slice(0, cut)), _part(before, slice(cut, None))])
    return ordered


def _part(reading: Reading, which: slice) -> Reading:
    return Reading(
        reading.instance_id,
        reading.shape_id,
        reading.taken_us[which],
        reading.site_ids,
        reading.values[:, which],
    )
