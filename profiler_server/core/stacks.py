"""Arithmetic on ragged rows and stack tables: gather, deduplicate, unite; all vectorised, all exact."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.core.profile import (
    BoolArray,
    Frame,
    Int32Array,
    Int64Array,
    IntArray,
    StackTable,
    UInt64Array,
)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, eq=False)
class Rows:
    """Ragged rows: row i is ``flat[offsets[i]:offsets[i + 1]]``; offsets int32[n + 1], flat any integers."""

    offsets: Int32Array
    flat: IntArray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def lengths(self) -> Int32Array:
        """Return int32[n]."""
        return np.diff(self.offsets)

    def positions(self) -> Int32Array:
        """Return int32[len(flat)], the position of each element within its row."""
        starts = np.repeat(self.offsets[:-1], self.lengths())
        return np.arange(len(self.flat), dtype=np.int32) - starts

    def owners(self) -> Int32Array:
        """Return int32[len(flat)], the row of each element."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths())


def offsets_of(lengths: IntArray) -> Int32Array:
    """Return int32[n + 1] offsets of rows with these lengths."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def gather(rows: Rows, which: IntArray) -> Rows:
    """Return the chosen rows in the chosen order; a row may be chosen many times."""
    lengths = rows.lengths()[which]
    offsets = offsets_of(lengths)
    shift = np.repeat(rows.offsets[which] - offsets[:-1], lengths)
    index = np.arange(offsets[-1], dtype=np.int32) + shift
    return Rows(offsets, rows.flat[index])


def expand(outer: Rows, inner: Rows) -> Rows:
    """Replace each element of `outer` by the row of `inner` that it names (locations by their inlined frames)."""
    flat = gather(inner, outer.flat)
    return Rows(flat.offsets[outer.offsets], flat.flat)


def keep_elements(rows: Rows, mask: BoolArray) -> Rows:
    """Drop the elements where the boolean mask[len(flat)] is false; rows stay, perhaps empty."""
    counts = np.zeros(len(mask) + 1, np.int32)
    np.cumsum(mask, out=counts[1:])
    return Rows(counts[rows.offsets], rows.flat[mask])


def unique_rows(rows: Rows) -> tuple[Rows, Int32Array]:
    """Return the distinct rows in order of first appearance, and int32[n] from row to distinct row.

    Rows are grouped by a 64-bit hash and then compared element by element, so the answer is exact.
    """
    _, first, inverse = np.unique(row_hashes(rows), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    row_to_distinct = rank[inverse].astype(np.int32)
    distinct = gather(rows, first[order])
    again = gather(distinct, row_to_distinct)
    if np.array_equal(again.offsets, rows.offsets) and np.array_equal(again.flat, rows.flat):
        return distinct, row_to_distinct
    return _unique_rows_by_comparison(rows)


def row_hashes(rows: Rows) -> UInt64Array:
    """Return uint64[n]: equal rows have equal hashes (splitmix64 of each element and its position, summed)."""
    mixed = mix64(rows.flat.astype(np.uint64) + mix64(rows.positions().astype(np.uint64)))
    sums = np.zeros(len(mixed) + 1, np.uint64)
    np.cumsum(mixed, out=sums[1:])
    return sums[rows.offsets[1:]] - sums[rows.offsets[:-1]] + rows.lengths().astype(np.uint64) * _GOLDEN


def mix64(numbers: UInt64Array) -> UInt64Array:
    """Return splitmix64's finaliser of each number (Steele, Lea, Flood 2014), modulo 2**64."""
    x = numbers + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


def _unique_rows_by_comparison(rows: Rows) -> tuple[Rows, Int32Array]:
    """Do the same by a dictionary of whole rows; only reached when two rows share a hash."""
    known: dict[bytes, int] = {}
    inverse = np.empty(len(rows), np.int32)
    first: list[int] = []
    for i in range(len(rows)):
        key = rows.flat[rows.offsets[i] : rows.offsets[i + 1]].tobytes()
        if key not in known:
            known[key] = len(first)
            first.append(i)
        inverse[i] = known[key]
    return gather(rows, np.array(first, np.int32)), inverse


def rows_of(table: StackTable) -> Rows:
    """Return the table's stacks as rows of frame ids."""
    return Rows(table.offsets, table.frame_ids)


def unite(tables: Sequence[StackTable]) -> tuple[StackTable, list[Int32Array]]:
    """Return one table with every stack once, and for each given table int32[n] from its stacks to the new ones.

    Equal frames of different tables become one. Tables that are the same object are read once.
    """
    distinct = list({id(table): table for table in tables}.values())
    if len(distinct) == 1 and _is_deduplicated(distinct[0]):
        same = np.arange(len(distinct[0]), dtype=np.int32)
        return distinct[0], [same] * len(tables)
    frames: dict[Frame, int] = {}
    parts = [_renumber_frames(table, frames) for table in distinct]
    offsets = offsets_of(np.concatenate([part.lengths() for part in parts]))
    unique, inverse = unique_rows(Rows(offsets, np.concatenate([part.flat for part in parts])))
    ends = np.cumsum([len(part) for part in parts])
    maps = dict(zip(map(id, distinct), np.split(inverse, ends[:-1]), strict=True))
    table = StackTable(tuple(frames), unique.offsets, unique.flat.astype(np.int32))
    return table, [maps[id(given)] for given in tables]


def _is_deduplicated(table: StackTable) -> bool:
    return len(unique_rows(rows_of(table))[0]) == len(table) and len(set(table.frames)) == len(table.frames)


def _renumber_frames(table: StackTable, known: dict[Frame, int]) -> Rows:
    ids = np.fromiter((known.setdefault(f, len(known)) for f in table.frames), np.int32, len(table.frames))
    return Rows(table.offsets, ids[table.frame_ids])


def regroup(
    table: StackTable, groups: Int32Array, frames: tuple[Frame, ...]
) -> tuple[StackTable, Int32Array]:
    """Map every frame id by `groups` int32[n_frames] to `frames`; return the new table and stack → new stack."""
    unique, inverse = unique_rows(Rows(table.offsets, groups[table.frame_ids]))
    return StackTable(frames, unique.offsets, unique.flat.astype(np.int32)), inverse


def distinct(keys: Int64Array) -> Int64Array:
    """Return the sorted distinct keys (by sorting, which is faster here than numpy's table of hashes)."""
    ordered = np.sort(keys)
    new = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


def sum_by(index: IntArray, values: Int64Array, size: int) -> Int64Array:
    """Return int64[size, ...]: the exact sums of `values` rows by `index`."""
    sums = np.zeros((size, *values.shape[1:]), np.int64)
    np.add.at(sums, index, values)
    return sums
