"""A service's dictionary in memory: what each site id stands for, read once and then only extended.

Ids are dense and rows never change, so that a reader keeps arrays indexed by site and fetches only what is newer.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from profiler_server.core.grouping import Granularity
from profiler_server.core.profile import Frame, Int32Array, Int64Array, LabelSet, StackTable
from profiler_server.core.stacks import Rows, offsets_of, unique_rows
from profiler_server.core.tree import StackTree, stack_tree
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.preparing import block_size
from profiler_server.profiles.statements import SQL
from profiler_server.storage.consistent import may_remember

MAX_REMEMBERED_FRAMES = 8_000_000  # frames of all stacks of all remembered services, about 100 MB
FRAME_ID = np.dtype("<i4")


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Sites 0 … n−1 of a service: their frames (leaf first) as rows, and their label sets."""

    frames: tuple[Frame, ...]
    rows: Rows
    labels: tuple[LabelSet, ...]
    label_of_site: Int32Array

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _unique(self) -> tuple[StackTable, Int32Array]:
        unique, stack_of_site = unique_rows(self.rows)
        return StackTable(self.frames, unique.offsets, unique.flat.astype(np.int32)), stack_of_site

    @property
    def stacks(self) -> StackTable:
        """Return the distinct stacks."""
        return self._unique[0]

    @property
    def stack_of_site(self) -> Int32Array:
        """Return int32[n], each site's place in `stacks`."""
        return self._unique[1]

    @cached_property
    def sizes(self) -> Int64Array:
        """Return int64[n], each site's block size, 0 where its labels state none."""
        by_label = np.array([block_size(labels) for labels in self.labels] or [0], np.int64)
        return by_label[self.label_of_site]

    @cached_property
    def trees(self) -> dict[Granularity, StackTree]:
        """Return the flame graphs' structures that were asked for so far."""
        return {}

    def tree(self, granularity: Granularity) -> StackTree:
        """Return the structure of the service's flame graph."""
        if granularity not in self.trees:
            self.trees[granularity] = stack_tree(self.stacks, granularity)
        return self.trees[granularity]


_EMPTY = Dictionary((), Rows(np.zeros(1, np.int32), np.zeros(0, np.int32)), (), np.zeros(0, np.int32))
_remembered: OrderedDict[ServiceKey, Dictionary] = OrderedDict()
_lock = threading.Lock()


def dictionary_of(service: ServiceKey) -> Dictionary:
    """Return the dictionary as it is now: what is remembered, and what has come since."""
    with _lock:
        known = _remembered.get(service, _EMPTY)
    extended = _extend(service, known)
    if extended is not known and may_remember():
        _remember(service, extended)
    return extended


def forget_dictionaries() -> None:
    """Forget what this process remembers; it is read again."""
    with _lock:
        _remembered.clear()


def _remember(service: ServiceKey, dictionary: Dictionary) -> None:
    with _lock:
        _remembered[service] = dictionary
        _remembered.move_to_end(service)
        total = sum(len(one.rows.flat) for one in _remembered.values())
        while total > MAX_REMEMBERED_FRAMES and len(_remembered) > 1:
            total -= len(_remembered.popitem(last=False)[1].rows.flat)


def _extend(service: ServiceKey, known: Dictionary) -> Dictionary:
    """Read what is newer than `known`: sites first, since what they refer to was written before them."""
    sites = SQL.fetch("load_sites", service.parameters | {"first": len(known)})
    if not sites:
        return known
    frames = SQL.fetch("load_frames", service.parameters | {"first": len(known.frames)})
    labels = SQL.fetch("load_label_sets", service.parameters | {"first": len(known.labels)})
    lengths = np.fromiter((len(row[1]) for row in sites), np.int64, len(sites)) // FRAME_ID.itemsize
    flat = np.frombuffer(b"".join(row[1] for row in sites), FRAME_ID)
    return Dictionary(
        frames=known.frames + tuple(Frame(*row) for row in frames),
        rows=Rows(
            offsets_of(np.concatenate([known.rows.lengths(), lengths])),
            np.concatenate([known.rows.flat, flat]),
        ),
        labels=known.labels + tuple(_label_set(text) for (text,) in labels),
        label_of_site=np.concatenate([known.label_of_site, np.array([row[0] for row in sites], np.int32)]),
    )


def _label_set(text: str) -> LabelSet:
    return tuple((key, value) for key, value in json.loads(text))
