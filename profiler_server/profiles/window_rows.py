"""A window's rows into memory and back: hot profiles, chunks, and the profiles that increases are counted from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np

from profiler_server.profiles.blocks import Origin, decode_chunk, decode_snapshot, encode_chunk
from profiler_server.profiles.catalogue import Catalogue, decode_catalogue, encode_catalogue
from profiler_server.profiles.contents import WindowContents, joined, of_profiles
from profiler_server.profiles.dictionary import Dictionary, dictionary_of
from profiler_server.profiles.hot_blocks import Places, Stream, with_bases
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.reading import Reading, micros
from profiler_server.profiles.shapes import StoredShape, shapes_of
from profiler_server.profiles.statements import SQL
from profiler_server.profiles.sums import MAX_BASE_GAP_US
from profiler_server.storage.sql import Parameters, Row
from profiler_server.storage.times import EPOCH, MICROSECOND

MAX_BASE_GAP = timedelta(microseconds=MAX_BASE_GAP_US)
PENDING_HOT = Places(instance_id=0, shape_id=1, taken_at=2, block=6, base_at=8)
LAST_HOT = Places(instance_id=0, shape_id=1, taken_at=2, block=3, base_at=4)


@dataclass(frozen=True, eq=False)
class Pending:
    """Hot profiles of one instance and shape that no chunk holds, and the state that they were seen in."""

    contents: WindowContents
    covers: str


@dataclass(frozen=True, eq=False)
class Base:
    """The last profile before some time: what increases are counted from."""

    taken_at: datetime
    stored: StoredShape
    site_ids: np.ndarray
    values: np.ndarray

    def reading(self, stream: Stream, column: int) -> Reading:
        """Return one sample type of it."""
        taken = np.array([micros(self.taken_at)])
        return Reading(*stream, taken, self.site_ids, self.values[:, column : column + 1])


@dataclass(frozen=True, eq=False)
class Chunk:
    """A stored chunk."""

    window_at: datetime
    contents: WindowContents
    is_stale: bool


@dataclass(frozen=True, eq=False)
class Rows:
    """Everything that concerns the windows of a span, as stored. Shapes and dictionary are to be read after it."""

    hot: list[Row]
    chunks: list[Row]
    last_hot: list[Row]
    last_chunks: list[Row]


def fetch_rows(service: ServiceKey, start: datetime, end: datetime, *, with_hot: bool = True) -> Rows:
    """Read the rows of the windows in [start, end) and the profiles before them."""
    span = service.parameters | {"start": start, "end": end}
    before = service.parameters | {
        "start": start - MAX_BASE_GAP, "end": start, "shape_ids": None, "instance_ids": None,
    }  # fmt: skip
    return Rows(
        with_bases(service, SQL.fetch("pending_hot", span), PENDING_HOT) if with_hot else [],
        SQL.fetch("chunks_of", span),
        fetch_last_hot(service, before),
        SQL.fetch("last_chunks", before),
    )


def fetch_last_hot(service: ServiceKey, span: Parameters) -> list[Row]:
    """Read the last hot profile of each instance and shape in a span."""
    return with_bases(service, SQL.fetch("last_hot", span), LAST_HOT)


@dataclass(frozen=True, eq=False)
class Decoder:
    """What rows are decoded with; read after them, so that it knows whatever they name."""

    shapes: dict[int, StoredShape]
    dictionary: Dictionary

    @classmethod
    def of(cls, service: ServiceKey) -> Decoder:
        """Return the service's shapes and dictionary as they are now."""
        return cls(shapes_of(service), dictionary_of(service))

    def origin(self, stored: StoredShape) -> Origin:
        """Return what reading a block of this shape needs."""
        return Origin(len(stored.type_ids), stored.shape.go_rate, self.dictionary.sizes)

    def pending(self, rows: Rows) -> dict[Stream, Pending]:
        """Return the hot profiles that no chunk holds."""
        found: dict[Stream, Pending] = {}
        for stream, group in groupby(rows.hot, key=lambda row: (row[0], row[1])):
            of_stream = list(group)
            stored = self.shapes[stream[1]]
            origin = self.origin(stored)
            catalogue = Catalogue(
                np.array([micros(row[2]) for row in of_stream], np.int64),
                np.array([row[3] for row in of_stream], np.int64),
                np.array([row[4] for row in of_stream], np.int64),
                np.array([row[5] for row in of_stream], np.int64).reshape(len(of_stream), -1),
            )
            profiles = [decode_snapshot(row[6], origin) for row in of_stream]
            found[stream] = Pending(of_profiles(stream[0], stored, catalogue, profiles), of_stream[0][7])
        return found

    def chunks(self, rows: Rows) -> dict[Stream, list[Chunk]]:
        """Return the chunks by stream and time."""
        found: dict[Stream, list[Chunk]] = {}
        for instance_id, shape_id, window_at, contents, block, is_stale in rows.chunks:
            stored = self.shapes[shape_id]
            site_ids, cube = decode_chunk(block, self.origin(stored))
            whole = WindowContents(instance_id, stored, decode_catalogue(contents), site_ids, cube)
            found.setdefault((instance_id, shape_id), []).append(Chunk(window_at, whole, is_stale))
        return found

    def bases(self, rows: Rows, before: datetime) -> dict[Stream, Base]:
        """Return the last profile of each stream before a moment."""
        found: dict[Stream, Base] = {}
        for instance_id, shape_id, contents, block in rows.last_chunks:
            stored = self.shapes[shape_id]
            taken_us = decode_catalogue(contents).taken_us
            at = int(np.searchsorted(taken_us, micros(before))) - 1
            if at >= 0:
                site_ids, cube = decode_chunk(block, self.origin(stored))
                taken_at = EPOCH + int(taken_us[at]) * MICROSECOND
                found[(instance_id, shape_id)] = Base(taken_at, stored, site_ids, cube[:, at, :])
        for instance_id, shape_id, taken_at, block, _ in rows.last_hot:
            known = found.get((instance_id, shape_id))
            if known is None or known.taken_at < taken_at:
                stored = self.shapes[shape_id]
                sites = decode_snapshot(block, self.origin(stored))
                found[(instance_id, shape_id)] = Base(taken_at, stored, sites.site_ids, sites.values)
        return found


def merge_contents(old: WindowContents | None, new: WindowContents) -> WindowContents:
    """Return what a chunk holds after new profiles came."""
    return new if old is None else joined(old, new)


def write_chunk(
    service: ServiceKey, window_at: datetime, contents: WindowContents, origin: Origin, *, covers: str,
    base_at: datetime | None,
) -> None:  # fmt: skip
    """Write a chunk in the place of what was there."""
    taken = contents.catalogue.taken_us
    SQL.run("upsert_chunk", service.parameters | {
        "instance_id": contents.instance_id,
        "window_at": window_at,
        "first_at": EPOCH + int(taken[0]) * MICROSECOND,
        "last_at": EPOCH + int(taken[-1]) * MICROSECOND,
        "base_at": base_at,
        "shape_id": contents.stored.shape_id,
        "profiles": len(taken),
        "covers": covers,
        "catalogue": encode_catalogue(contents.catalogue),
        "block": encode_chunk(contents.site_ids, contents.cube, origin),
    })  # fmt: skip
