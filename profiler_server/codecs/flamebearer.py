"""Pyroscope's flame graph: names and, per level, groups of numbers; what its clients and Grafana draw.

A single graph has groups of four (offset, total, self, name), a comparison groups of seven (offset, total, self of the
baseline, the same of the current profile, name). Offsets are counted from the end of the group before.
"""

import json
from dataclasses import dataclass

import numpy as np

from profiler_server.core.profile import Int64Array, IntArray
from profiler_server.core.tree import FlameTree

SINGLE, DOUBLE = "single", "double"
_SAMPLE_RATE = 100


@dataclass(frozen=True, slots=True)
class Flamebearer:
    """The graph; `left_total` and `right_total` are of baseline and current profile (0 and the total if single)."""

    names: tuple[str, ...]
    levels: tuple[tuple[int, ...], ...]
    total: int
    max_self: int
    left_total: int
    right_total: int
    format: str


def flamebearer(tree: FlameTree) -> Flamebearer:
    """Return a tree (pruned beforehand) in Pyroscope's form; level 0 is the root, named "total"."""
    current = _columns(tree, tree.value, tree.self_value)
    groups = [*current, tree.name_id.astype(np.int64)]
    left_total, biggest = 0, np.abs(tree.self_value)
    if tree.delta is not None and tree.self_delta is not None:
        value, own = tree.value - tree.delta, tree.self_value - tree.self_delta
        groups = [*_columns(tree, value, own), *groups]
        left_total, biggest = int(value[0]), np.maximum(biggest, np.abs(own))
    table = np.stack(groups, axis=1)
    return Flamebearer(
        names=tree.names,
        levels=tuple(tuple(table[nodes].ravel().tolist()) for nodes in _levels(tree)),
        total=left_total + int(tree.value[0]),
        max_self=int(biggest.max(initial=0)),
        left_total=left_total,
        right_total=int(tree.value[0]),
        format=SINGLE if tree.delta is None else DOUBLE,
    )


def encode(tree: FlameTree, name: str = "") -> bytes:
    """Return the JSON that Pyroscope's ``/render`` and ``/render-diff`` answer with."""
    graph = flamebearer(tree)
    content: dict[str, object] = {
        "version": 1,
        "flamebearer": {
            "names": graph.names,
            "levels": graph.levels,
            "numTicks": graph.total,
            "maxSelf": graph.max_self,
        },
        "metadata": {
            "format": graph.format,
            "spyName": "",
            "sampleRate": _SAMPLE_RATE,
            "units": tree.sample_type.unit,
            "name": name,
        },
    }
    if graph.format == DOUBLE:
        content |= {"leftTicks": graph.left_total, "rightTicks": graph.right_total}
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _columns(tree: FlameTree, value: Int64Array, own: Int64Array) -> list[Int64Array]:
    """Return (offset, total, self) int64[n]; a node begins after all that its predecessors hold themselves."""
    begins = np.zeros(len(own), np.int64)
    np.cumsum(own[:-1], out=begins[1:])
    offsets = np.empty(len(own), np.int64)
    for nodes in _levels(tree):
        ends = np.zeros(len(nodes), np.int64)
        ends[1:] = (begins[nodes] + value[nodes])[:-1]
        offsets[nodes] = begins[nodes] - ends
    return [offsets, value, own]


def _levels(tree: FlameTree) -> list[IntArray]:
    """Return the nodes of each depth, from left to right."""
    order = np.argsort(tree.depth, kind="stable")
    bounds = np.searchsorted(tree.depth[order], np.arange(1, int(tree.depth.max(initial=0)) + 1))
    return list(np.split(order, bounds))
