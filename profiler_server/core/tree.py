"""The flame graph as flat arrays: a tree's structure is built once per stack table, its values in microseconds.

Nodes stand in preorder (root first, children by name), so that a node's subtree is the range [i, end[i]) and
cumulative values are differences of one running sum.
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from profiler_server.core.algebra import column_of, stack_values
from profiler_server.core.errors import IncompatibleProfiles
from profiler_server.core.grouping import Granularity, group_frames, group_table
from profiler_server.core.profile import (
    Frame,
    Int32Array,
    Int64Array,
    IntArray,
    Profile,
    SampleType,
    StackTable,
)
from profiler_server.core.stacks import Rows, gather, offsets_of, sum_by, unite

ROOT_NAME = "total"
OTHER_NAME = "other"


@dataclass(frozen=True, eq=False)
class FlameTree:
    """A tree in preorder; node 0 is the root ("total", parent −1, depth 0).

    All arrays are [n]: `parent`, `depth`, `name_id`, `end` (one past the last node of the subtree) int32; `value`
    (cumulative) and `self_value` (flat) int64. For a comparison `value` is the current one and `delta` = current −
    baseline, `self_delta` likewise; else both are None. `names`, `files` and `lines` are indexed by `name_id`.
    """

    parent: Int32Array
    depth: Int32Array
    end: Int32Array
    name_id: Int32Array
    names: tuple[str, ...]
    files: tuple[str, ...]
    lines: tuple[int, ...]
    value: Int64Array
    self_value: Int64Array
    delta: Int64Array | None = None
    self_delta: Int64Array | None = None
    sample_type: SampleType = field(default=SampleType("", ""))

    def __len__(self) -> int:
        return len(self.parent)


@dataclass(frozen=True, eq=False)
class StackTree:
    """The structure of a stack table at one granularity; cache it, it does not depend on values.

    `leaf_of` int32[n_stacks] names each stack's node, `name_id` indexes `frames` (0 is the root's).
    """

    parent: Int32Array
    depth: Int32Array
    end: Int32Array
    name_id: Int32Array
    leaf_of: Int32Array
    frames: tuple[Frame, ...]

    def __len__(self) -> int:
        return len(self.parent)

    def node_values(self, stack_values: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return (cumulative, flat) int64[n_nodes] for int64[n_stacks]."""
        flat = sum_by(self.leaf_of, stack_values, len(self.parent))
        return subtree_sums(flat, self.end), flat

    @cached_property
    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
        names = tuple(frame.function for frame in self.frames)
        return names, tuple(frame.file for frame in self.frames), tuple(frame.line for frame in self.frames)

    def flame(
        self, current: Int64Array, baseline: Int64Array | None = None, *, sample_type: SampleType
    ) -> FlameTree:
        """Return the tree with the values int64[n_stacks]; with a baseline also the deltas."""
        value, flat = self.node_values(current)
        delta = flat_delta = None
        if baseline is not None:
            delta, flat_delta = self.node_values(current - baseline)
        return FlameTree(
            self.parent,
            self.depth,
            self.end,
            self.name_id,
            *self._names,
            value,
            flat,
            delta,
            flat_delta,
            sample_type,
        )


def stack_tree(table: StackTable, granularity: Granularity = Granularity.FUNCTION) -> StackTree:
    """Build the tree of a table's stacks (its values come later). O(frames) and vectorised."""
    if granularity in {Granularity.FILE, Granularity.PACKAGE}:
        table, grouped = group_table(table, granularity)
    else:
        grouped = np.arange(len(table), dtype=np.int32)
    groups = group_frames(table.frames, granularity)
    rooted = _root_first(Rows(table.offsets, groups.group_of[table.frame_ids]))
    order = _lexical_order(rooted)
    nodes = _Nodes.of_sorted(gather(rooted, order))
    leaf_of = np.empty(len(order), np.int32)
    leaf_of[order] = nodes.leaf_of
    return StackTree(
        parent=nodes.parent,
        depth=nodes.depth,
        end=subtree_ends(nodes.parent, nodes.depth),
        name_id=nodes.name_id,
        leaf_of=leaf_of[grouped],
        frames=(Frame(ROOT_NAME), *groups.frames),
    )


def flame_tree(
    profile: Profile, sample_type: str = "", granularity: Granularity = Granularity.FUNCTION
) -> FlameTree:
    """Return the flame graph of one sample type ("" = the profile's default)."""
    kind = profile.sample_types[column_of(profile, sample_type)]
    values = stack_values(profile, sample_type)
    return stack_tree(profile.stacks, granularity).flame(values, sample_type=kind)


def diff_tree(
    current: Profile,
    baseline: Profile,
    sample_type: str = "",
    granularity: Granularity = Granularity.FUNCTION,
) -> FlameTree:
    """Return one tree over the stacks of both: `value` of the current one, `delta` = current − baseline."""
    kind = current.sample_types[column_of(current, sample_type)]
    if kind not in baseline.sample_types:
        raise IncompatibleProfiles(f"The baseline has no {kind.name} in {kind.unit}.")
    table, (to_new, from_old) = unite([current.stacks, baseline.stacks])
    after = sum_by(to_new, stack_values(current, kind.name), len(table))
    before = sum_by(from_old, stack_values(baseline, kind.name), len(table))
    return stack_tree(table, granularity).flame(after, before, sample_type=kind)


def subtree_sums(flat: Int64Array, end: Int32Array) -> Int64Array:
    """Return int64[n]: the sum of `flat` over each node's subtree [i, end[i])."""
    running = np.zeros(len(flat) + 1, np.int64)
    np.cumsum(flat, out=running[1:])
    return running[end] - running[:-1]


def subtree_ends(parent: Int32Array, depth: Int32Array) -> Int32Array:
    """Return int32[n]: one past the last node of each subtree, for a tree in preorder; one step per level."""
    size = np.ones(len(parent), np.int64)
    order = by_depth(depth)
    starts = np.searchsorted(depth[order], np.arange(1, int(depth.max(initial=0)) + 2)).tolist()
    for low, high in reversed(list(pairwise(starts))):
        nodes = order[low:high]
        np.add.at(size, parent[nodes], size[nodes])
    return (np.arange(len(parent)) + size).astype(np.int32)


@dataclass(frozen=True, eq=False)
class _Nodes:
    parent: Int32Array
    depth: Int32Array
    name_id: Int32Array
    leaf_of: Int32Array

    @classmethod
    def of_sorted(cls, rows: Rows) -> "_Nodes":
        """Number the distinct prefixes of lexically sorted rows in preorder, the empty one (the root) as 0."""
        shared = _shared_with_previous(rows)
        new = rows.positions() >= np.repeat(shared, rows.lengths())
        created = offsets_of(rows.lengths() - shared)
        depth = np.concatenate([[0], rows.positions()[new] + 1]).astype(np.int32)
        name_id = np.concatenate([[0], rows.flat[new] + 1]).astype(np.int32)
        return cls(_parents(depth), depth, name_id, _last_at_depth(depth, created[1:], rows.lengths()))


def _root_first(rows: Rows) -> Rows:
    mirrored = np.repeat(rows.offsets[:-1] + rows.offsets[1:], rows.lengths()) - 1
    return Rows(rows.offsets, rows.flat[mirrored - np.arange(len(rows.flat))])


def _lexical_order(rows: Rows) -> Int32Array:
    """Return int32[n]: the rows' order by their elements, a prefix before what it begins."""
    raw = rows.flat.astype(">u4").tobytes()
    ends = (rows.offsets * 4).tolist()
    keys = [raw[a:b] for a, b in pairwise(ends)]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int32)


def _shared_with_previous(rows: Rows) -> Int32Array:
    """Return int32[n]: how many leading elements each row shares with the row before it."""
    lengths = rows.lengths()
    before = np.concatenate([[0], lengths[:-1]]) if len(lengths) else lengths
    both: Int32Array = np.minimum(lengths, before).astype(np.int32)
    offsets = offsets_of(both)
    position = np.arange(offsets[-1], dtype=np.int32) - np.repeat(offsets[:-1], both)
    starts = rows.offsets[:-1]
    previous = np.concatenate([[0], starts[:-1]]) if len(starts) else starts
    differs = rows.flat[np.repeat(starts, both) + position] != rows.flat[np.repeat(previous, both) + position]
    first = np.where(differs, position, np.iinfo(np.int32).max)
    shared = both.copy()
    if len(first):
        some = both > 0
        shared[some] = np.minimum(both[some], np.minimum.reduceat(first, offsets[:-1][some]))
    return shared


def _parents(depth: Int32Array) -> Int32Array:
    """Return int32[n]: in preorder a node's parent is the last earlier node that is one less deep.

    That is the node before it, except where the walk has gone up.
    """
    parent = np.arange(-1, len(depth) - 1, dtype=np.int32)
    jumps = np.flatnonzero(depth[1:] <= depth[:-1]) + 1
    parent[jumps] = _last_at_depth(depth, jumps, depth[jumps] - 1)
    return parent


def _last_at_depth(depth: Int32Array, until: IntArray, wanted: IntArray) -> Int32Array:
    """Return the last node ≤ until[k] whose depth is wanted[k]; it must exist."""
    size = len(depth)
    order = by_depth(depth)
    keys = depth[order].astype(np.int64) * size + order
    place = np.searchsorted(keys, wanted.astype(np.int64) * size + until, side="right") - 1
    found: Int32Array = order[place].astype(np.int32)
    return found


def by_depth(depth: Int32Array) -> IntArray:
    """Return the nodes sorted by depth, then preorder; a radix sort for the depths that there are."""
    small = depth.astype(np.uint16) if int(depth.max(initial=0)) < 2**16 else depth
    return np.argsort(small, kind="stable")
