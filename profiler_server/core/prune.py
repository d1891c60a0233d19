"""Cutting a flame graph down to what can be seen, with an explicit "other" so that every total stays."""

import numpy as np

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.profile import BoolArray, Int32Array, Int64Array, IntArray
from profiler_server.core.stacks import sum_by
from profiler_server.core.tree import OTHER_NAME, FlameTree, subtree_ends, subtree_sums

MIN_NODES = 2


def prune(tree: FlameTree, max_nodes: int | None = None, *, min_share: float = 0.0) -> FlameTree:
    """Keep the nodes that weigh at least `min_share` of the whole, and at most `max_nodes` nodes in all.

    Under each node that loses children stands one leaf named "other" with the sum of what was cut. A node's weight
    is the sum of |flat| over its subtree (for a comparison: of both sides), so that opposite signs do not hide
    each other. The root always stays. Raises `LimitExceeded` for a `max_nodes` below two.
    """
    if max_nodes is not None and max_nodes < MIN_NODES:
        raise LimitExceeded(f"A flame graph needs max_nodes of at least {MIN_NODES}.")
    weight = _weights(tree)
    kept = weight >= max(min_share * float(weight[0]), 0.5)
    kept[0] = True
    if max_nodes is not None and _size_with_others(tree, weight, kept) > max_nodes:
        kept = _heaviest(tree, weight, kept, max_nodes)
    return tree if kept.all() else _cut(tree, weight, kept)


def _weights(tree: FlameTree) -> Int64Array:
    mass = np.abs(tree.self_value)
    if tree.self_delta is not None:
        mass = mass + np.abs(tree.self_value - tree.self_delta)
    return subtree_sums(mass, tree.end)


def _size_with_others(tree: FlameTree, weight: Int64Array, kept: BoolArray) -> int:
    hosts = np.zeros(len(tree), np.bool_)
    hosts[tree.parent[_cut_roots(tree, weight, kept)]] = True
    return int(kept.sum()) + int(hosts.sum())


def _cut_roots(tree: FlameTree, weight: Int64Array, kept: BoolArray) -> IntArray:
    """Return the nodes with any weight that are cut while their parent is kept."""
    cut = np.flatnonzero(~kept & (weight > 0))
    return cut[kept[tree.parent[cut]]]


def _heaviest(tree: FlameTree, weight: Int64Array, allowed: BoolArray, max_nodes: int) -> BoolArray:
    """Return the mask of as many of the heaviest nodes as fit together with their "other" leaves.

    Sorted by weight, then preorder, every prefix holds the parents of its nodes. A node of rank r needs an "other" in
    the prefixes of r + 1 … m nodes, where m is the rank of its lightest child; counting these intervals gives the size
    of every prefix at once.
    """
    candidates = np.flatnonzero(allowed)
    if len(candidates) > max_nodes:
        least = np.partition(weight[candidates], len(candidates) - max_nodes)[len(candidates) - max_nodes]
        candidates = candidates[weight[candidates] >= least]
    order = candidates[np.argsort(-weight[candidates], kind="stable")]
    rank = np.where(weight > 0, len(order), -1)
    rank[order] = np.arange(len(order))
    lightest = np.full(len(tree), -1)
    np.maximum.at(lightest, tree.parent[1:], rank[1:])
    hosts = order[lightest[order] >= 0]
    change = np.zeros(len(order) + 2, np.int64)
    np.add.at(change, rank[hosts] + 1, 1)
    np.add.at(change, lightest[hosts] + 1, -1)
    sizes = np.arange(len(order) + 1) + np.cumsum(change)[:-1]
    fits = np.flatnonzero(sizes[1:] <= max_nodes)[-1] + 1
    kept = np.zeros(len(tree), np.bool_)
    kept[order[:fits]] = True
    return kept


def _cut(tree: FlameTree, weight: Int64Array, kept: BoolArray) -> FlameTree:
    nodes = np.flatnonzero(kept)
    roots = _cut_roots(tree, weight, kept)
    hosts, host_of = np.unique(tree.parent[roots], return_inverse=True)
    place = _preorder(tree, nodes, hosts)
    depth = np.concatenate([tree.depth[nodes], tree.depth[hosts] + 1])[place].astype(np.int32)
    parent = _parents(tree, nodes, hosts, place)
    used, names = np.unique(tree.name_id[nodes], return_inverse=True)
    shown = used.tolist()

    def values(own: Int64Array, cumulative: Int64Array) -> Int64Array:
        others = sum_by(host_of, cumulative[roots], len(hosts))
        return np.concatenate([own[nodes], others])[place]

    return FlameTree(
        parent=parent,
        depth=depth,
        end=subtree_ends(parent, depth),
        name_id=np.concatenate([names, np.full(len(hosts), len(used))])[place].astype(np.int32),
        names=(*(tree.names[i] for i in shown), OTHER_NAME),
        files=(*(tree.files[i] for i in shown), ""),
        lines=(*(tree.lines[i] for i in shown), 0),
        value=values(tree.value, tree.value),
        self_value=values(tree.self_value, tree.value),
        delta=None if tree.delta is None else values(tree.delta, tree.delta),
        self_delta=None
        if tree.delta is None or tree.self_delta is None
        else values(tree.self_delta, tree.delta),
        sample_type=tree.sample_type,
    )


def _preorder(tree: FlameTree, nodes: IntArray, hosts: IntArray) -> IntArray:
    """Return the order of [kept nodes, "other" leaves] in which each leaf ends its host's subtree."""
    deepest = int(tree.depth.max()) + 1
    before = nodes * (deepest + 1) + deepest
    after = tree.end[hosts].astype(np.int64) * (deepest + 1) + (deepest - 1 - tree.depth[hosts])
    return np.argsort(np.concatenate([before, after]), kind="stable")


def _parents(tree: FlameTree, nodes: IntArray, hosts: IntArray, place: IntArray) -> Int32Array:
    """Return the parents in the new numbering, int32[len(place)]."""
    old = np.concatenate([tree.parent[nodes], hosts])[place]
    new_of_kept = np.empty(len(place), np.int32)
    new_of_kept[place] = np.arange(len(place), dtype=np.int32)
    new_of_old = np.full(len(tree), -1, np.int32)
    new_of_old[nodes] = new_of_kept[: len(nodes)]
    return np.where(old < 0, np.int32(-1), new_of_old[old])
