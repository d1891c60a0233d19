"""Profiles as blocks: values per site in packed columns, Go's as counts, everything sealed with a checksum.

Snapshot: header, site ids rising, one column per stored value, then the exceptions. A hot snapshot may hold its columns
as differences from an earlier one of the same instance, its base; it then ends with the base's checksum. Chunk: the
same with a column of rows × times, site by site, as differences in time. An exception is a row of a Go profile whose
values are not what Go's own scaling gives (for example two stacks that look the same and were added): it is verbatim.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.profile import Int32Array, Int64Array, IntArray
from profiler_server.profiles import go_counts
from profiler_server.storage.columns import pack, pack_rising, skip, unpack, unpack_rising
from profiler_server.storage.sealing import CHECKSUM_BYTES, DamagedBlock, seal, unseal

VERBATIM, GO_COUNTS = 1, 2
FROM_BASE = 0x40  # added to the kind
MAX_RECENT_COLUMNS = 64
MAX_CELLS = 64_000_000  # sites × profiles of one chunk
ALL_TIMES = slice(None)
_HEADER = struct.Struct("<BBIII")  # kind, sample types, sites, profiles, exceptions


@dataclass(frozen=True, eq=False)
class SiteValues:
    """Values per site: `site_ids` int32[n] rising without repeats, `values` int64[n, types]; no row is all zero."""

    site_ids: Int32Array
    values: Int64Array

    def __len__(self) -> int:
        return len(self.site_ids)


@dataclass(frozen=True, eq=False)
class Origin:
    """What is needed beside a block to read it: its sample types' number and, for Go, rate and block sizes.

    `rate` is 0 for profiles that are not Go's heap; `size_of_site` int64[≥ highest site id + 1], or with
    `sizes_by_row` the sizes of the very rows that are written.
    """

    types: int
    rate: int
    size_of_site: Int64Array
    sizes_by_row: bool = False

    def sizes(self, site_ids: IntArray) -> Int64Array:
        """Return int64[n], the block sizes of some rows."""
        return self.size_of_site if self.sizes_by_row else self.size_of_site[site_ids]


def gather_sites(site_ids: IntArray, values: Int64Array) -> SiteValues:
    """Return the rows sorted by site, equal sites added, all-zero rows left out."""
    order = np.argsort(site_ids, kind="stable")
    ids, rows = site_ids[order].astype(np.int32), values[order]
    if len(ids) > 1 and not (ids[1:] > ids[:-1]).all():
        starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
        ids, rows = ids[starts], np.add.reduceat(rows, starts, axis=0)
    some = rows.any(axis=1)
    return SiteValues(ids, rows) if some.all() else SiteValues(ids[some], rows[some])


@dataclass(frozen=True, eq=False)
class Base:
    """A snapshot's stored columns int64[n] by site, and its block's checksum: what a later one can differ from."""

    site_ids: IntArray
    columns: Sequence[Int64Array]
    checksum: bytes

    def at(self, column: int, site_ids: IntArray) -> Int64Array:
        """Return the column's values at other sites, 0 where the base has none."""
        if self.site_ids is site_ids or np.array_equal(self.site_ids, site_ids):
            return self.columns[column]
        last = max(int(self.site_ids.max(initial=-1)), int(site_ids.max(initial=-1)))
        dense = np.zeros(last + 1, np.int64)
        dense[self.site_ids] = self.columns[column]
        return dense[site_ids]


@dataclass(frozen=True, eq=False)
class BaseBlock:
    """A stored block that others differ from, opened at most once."""

    block: bytes | memoryview
    opened: list[Base] = field(default_factory=list)

    def base(self, origin: Origin) -> Base:
        """Return what it holds. Raises `DamagedBlock`."""
        if not self.opened:
            payload = unseal(self.block)
            kind, sites, profiles, _ = _read_header(payload, origin)
            if kind & FROM_BASE:
                raise DamagedBlock("A stored block differs from one that differs itself.")
            site_ids, offset = _site_ids(payload, sites)
            count = _column_count(kind, origin)
            found, _ = _read_columns(payload, offset, (count, sites, profiles), range(count))
            columns = [found[i][:, 0] for i in range(count)]
            self.opened.append(Base(site_ids, columns, bytes(self.block[-CHECKSUM_BYTES:])))
        return self.opened[0]


@dataclass(frozen=True, slots=True)
class FromBase:
    """A block of differences with what it differs from."""

    block: bytes | memoryview
    base: BaseBlock


Block: TypeAlias = bytes | memoryview | FromBase


def encode_snapshot(sites: SiteValues, origin: Origin) -> bytes:
    """Return one profile as a sealed block."""
    return encode_hot(sites, origin)[0]


def encode_hot(sites: SiteValues, origin: Origin, base: Base | None = None) -> tuple[bytes, Base]:
    """Return one profile as a sealed block, by its differences from `base` if given, and what others can differ from.

    The latter is of use only where there was no base.
    """
    columns, exceptions = _stored_columns(sites.values, origin.sizes(sites.site_ids), origin)
    kept, kind, end = columns, _kind(origin), b""
    if base is not None:
        kept = [column - base.at(i, sites.site_ids) for i, column in enumerate(columns)]
        kind, end = kind | FROM_BASE, base.checksum
    head = _HEADER.pack(kind, origin.types, len(sites), 1, len(exceptions))
    body = [pack_rising(sites.site_ids), *map(pack, kept)]
    block = seal(head + b"".join(body) + _pack_exceptions(exceptions, sites.values) + end)
    return block, Base(sites.site_ids, columns, block[-CHECKSUM_BYTES:])


def decode_snapshot(block: Block, origin: Origin, column: int | None = None) -> SiteValues:
    """Return one profile, or only the sample type `column` of it as int64[n, 1]. Raises `DamagedBlock`."""
    if isinstance(block, FromBase):
        site_ids, values = _decode(block.block, origin, column, base=block.base.base(origin))
    else:
        site_ids, values = _decode(block, origin, column)
    return SiteValues(site_ids, values[:, 0, :])


def decode_run(
    blocks: Iterable[Block], origin: Origin, column: int
) -> Iterator[tuple[Int32Array, Int64Array]]:
    """Yield one sample type of successive snapshots: site ids int32[s] and int64[s, n] of n that have the same sites.

    Raises `DamagedBlock`.
    """
    gathered: list[Int64Array] = []
    site_ids = np.zeros(0, np.int64)
    for block in blocks:
        raw, base = (block.block, block.base.base(origin)) if isinstance(block, FromBase) else (block, None)
        opened = _open(raw, origin, [column], base)
        if gathered and (opened.exceptions or opened.site_ids is not site_ids):
            yield _gathered(gathered, site_ids, origin, column)
            gathered = []
        if opened.exceptions:
            one = decode_snapshot(block, origin, column)
            yield one.site_ids, one.values
            continue
        site_ids = opened.site_ids
        gathered.append(opened.stored[_source(opened.kind, column)][:, 0])
    if gathered:
        yield _gathered(gathered, site_ids, origin, column)


def _gathered(
    columns: Sequence[Int64Array], site_ids: Int64Array, origin: Origin, column: int
) -> tuple[Int32Array, Int64Array]:
    return site_ids.astype(np.int32), _restored(np.stack(columns).T, site_ids, origin, column)


def encode_chunk(site_ids: Int32Array, cube: Int64Array, origin: Origin) -> bytes:
    """Return int64[sites, profiles, types] as one sealed block. Raises `LimitExceeded` beyond `MAX_CELLS`."""
    sites, profiles, types = cube.shape
    if sites * profiles > MAX_CELLS:
        raise LimitExceeded(
            f"A window of {profiles} profiles with {sites} call sites is too large for one block."
        )
    rows = cube.reshape(-1, types)
    sizes = np.repeat(origin.size_of_site[site_ids], profiles)
    columns, exceptions = _stored_columns(rows, sizes, origin)
    head = _HEADER.pack(_kind(origin), types, sites, profiles, len(exceptions))
    steps = [pack(_differences(column.reshape(sites, profiles)).ravel()) for column in columns]
    return seal(head + pack_rising(site_ids) + b"".join(steps) + _pack_exceptions(exceptions, rows))


def decode_chunk(
    block: bytes | memoryview, origin: Origin, column: int | None = None, *, times: slice = ALL_TIMES
) -> tuple[Int32Array, Int64Array]:
    """Return site ids int32[s] and values int64[s, profiles, types] (types is 1 for one `column`).

    `times` are the profiles that are wanted, by their places.
    """
    return _decode(block, origin, column, times)


def encode_sums(site_ids: IntArray, values: Int64Array) -> bytes:
    """Return one value per site, int64[n], as a sealed block; zeros are left out."""
    some = np.flatnonzero(values)
    head = len(some).to_bytes(4, "little")
    return seal(head + pack_rising(site_ids[some]) + pack(values[some]))


def decode_sums(block: bytes | memoryview) -> tuple[Int64Array, Int64Array]:
    """Return site ids and values, int64[n] each."""
    payload = unseal(block)
    count = int.from_bytes(payload[:4], "little")
    site_ids, offset = unpack_rising(payload, 4, count)
    values, _ = unpack(payload, offset, count)
    return site_ids, values


def _kind(origin: Origin) -> int:
    return GO_COUNTS if origin.rate else VERBATIM


def _column_count(kind: int, origin: Origin) -> int:
    return 2 if kind & ~FROM_BASE == GO_COUNTS else origin.types


def _read_header(payload: bytes, origin: Origin) -> tuple[int, int, int, int]:
    """Return kind, sites, profiles and exceptions."""
    if len(payload) < _HEADER.size:
        raise DamagedBlock("A stored block is shorter than its header.")
    kind, types, sites, profiles, exceptions = _HEADER.unpack_from(payload)
    if kind & ~FROM_BASE != _kind(origin) or types != origin.types or sites * profiles > MAX_CELLS:
        raise DamagedBlock("A stored block is not of the shape that its row names.")
    return kind, sites, profiles, exceptions


def _stored_columns(
    values: Int64Array, sizes: Int64Array, origin: Origin
) -> tuple[list[Int64Array], IntArray]:
    """Return the columns to store and the rows that are exceptions to them."""
    if not origin.rate:
        return list(values.T), np.zeros(0, np.int64)
    counts, exact = go_counts.counts_of(values, sizes, origin.rate)
    exceptions = np.flatnonzero(~exact)
    return list(counts.T), exceptions[values[exceptions].any(axis=1)]


def _pack_exceptions(exceptions: IntArray, values: Int64Array) -> bytes:
    return pack_rising(exceptions) + pack(values[exceptions].ravel()) if len(exceptions) else b""


def _decode(
    block: bytes | memoryview,
    origin: Origin,
    column: int | None,
    times: slice = ALL_TIMES,
    base: Base | None = None,
) -> tuple[Int32Array, Int64Array]:
    types = origin.types
    wanted = list(range(types)) if column is None else [column]
    opened = _open(block, origin, wanted, base)
    early = ALL_TIMES if opened.exceptions else times  # exceptions name their places in the whole
    found = [
        _restored(opened.stored[_source(opened.kind, one)][:, early], opened.site_ids, origin, one)
        for one in wanted
    ]
    values = found[0][:, :, None] if len(found) == 1 else np.stack(found, axis=2)
    if opened.exceptions:
        rows, offset = unpack_rising(opened.payload, opened.end, opened.exceptions)
        verbatim, _ = unpack(opened.payload, offset, opened.exceptions * types)
        values.reshape(-1, len(wanted))[rows] = verbatim.reshape(-1, types)[:, wanted]
        values = values[:, times]
    return opened.site_ids.astype(np.int32), values


@dataclass(frozen=True, slots=True)
class _Opened:
    """A block's columns as they are stored, int64[sites, profiles] each; its exceptions begin at `end`."""

    payload: bytes
    kind: int
    exceptions: int
    site_ids: Int64Array
    stored: dict[int, Int64Array]
    end: int


def _open(block: bytes | memoryview, origin: Origin, wanted: Sequence[int], base: Base | None) -> _Opened:
    payload = unseal(block)
    kind, sites, profiles, exceptions = _read_header(payload, origin)
    site_ids, offset = _site_ids(payload, sites)
    if sites and int(site_ids[-1]) >= len(origin.size_of_site):
        raise DamagedBlock("A stored block names a call site that the dictionary does not have.")
    sources = sorted({_source(kind, one) for one in wanted})
    shape = _column_count(kind, origin), sites, profiles
    stored, end = _read_columns(payload, offset, shape, sources)
    if kind & FROM_BASE:
        if base is None or payload[-CHECKSUM_BYTES:] != base.checksum:
            raise DamagedBlock("What a stored block differs from is missing or is another one.")
        stored = {i: cells + base.at(i, site_ids)[:, None] for i, cells in stored.items()}
    return _Opened(payload, kind & ~FROM_BASE, exceptions, site_ids, stored, end)


def _restored(cells: Int64Array, site_ids: IntArray, origin: Origin, column: int) -> Int64Array:
    """Return the values of stored columns of one sample type."""
    if not origin.rate:
        return cells
    sizes = origin.size_of_site[site_ids]
    return go_counts.restore(cells, sizes, origin.rate, as_bytes=bool(column % 2))


def _differences(cells: Int64Array) -> Int64Array:
    """Return the differences along each row, the first from zero."""
    steps = cells.copy()
    steps[:, 1:] -= cells[:, :-1]
    return steps


class _Recent(threading.local):
    """The site columns read last by this thread: successive profiles of a service mostly have the same."""

    def __init__(self) -> None:
        self.columns: dict[bytes, Int64Array] = {}


_recent = _Recent()


def _site_ids(payload: bytes, sites: int) -> tuple[Int64Array, int]:
    """Return the rising site ids behind the header, and where the next column begins."""
    end = skip(payload, _HEADER.size, sites)
    packed = payload[_HEADER.size : end] + sites.to_bytes(4, "little")
    site_ids = _recent.columns.get(packed)
    if site_ids is None:
        site_ids, _ = unpack_rising(payload, _HEADER.size, sites)
        if len(_recent.columns) >= MAX_RECENT_COLUMNS:
            _recent.columns.clear()
        _recent.columns[packed] = site_ids
    return site_ids, end


def _source(kind: int, column: int) -> int:
    return column // 2 if kind & ~FROM_BASE == GO_COUNTS else column


def _read_columns(
    payload: bytes, offset: int, shape: tuple[int, int, int], wanted: Sequence[int]
) -> tuple[dict[int, Int64Array], int]:
    """Return the wanted of `shape[0]` columns, each int64[sites, profiles] with its differences summed up."""
    columns, sites, profiles = shape
    found: dict[int, Int64Array] = {}
    for column in range(columns):
        if column in wanted:
            steps, offset = unpack(payload, offset, sites * profiles)
            cells = steps.reshape(sites, profiles)
            found[column] = np.cumsum(cells, axis=1) if profiles > 1 else cells
        else:
            offset = skip(payload, offset, sites * profiles)
    return found, offset
