"""Hot profiles against each other: one is kept whole, those soon after it by their differences, in a sixth of the room.

The base is a profile of the same instance and window that this process stored: it is committed, lies in the same
partition and becomes part of the same chunk, so that it lives as long as what differs from it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from profiler_server.profiles.blocks import Base, BaseBlock, Block, FromBase
from profiler_server.profiles.statements import SQL
from profiler_server.storage.services import ServiceKey
from profiler_server.storage.sql import Row
from profiler_server.storage.times import window_of

MAX_USES = 12  # differences grow with time
MAX_REMEMBERED_CELLS = 4_000_000  # of all bases, 8 bytes each
Stream = tuple[int, int]  # instance and shape


@dataclass(slots=True)
class KnownBase:
    """A profile that this process stored whole, and how many have been written against it."""

    taken_at: datetime
    base: Base
    uses: int = 0

    def serves(self, taken_at: datetime) -> bool:
        """Return whether a profile of that time may differ from it."""
        is_near = window_of(self.taken_at) == window_of(taken_at) and self.taken_at != taken_at
        return is_near and self.uses < MAX_USES

    @property
    def cells(self) -> int:
        """Return how many numbers it holds."""
        return len(self.base.site_ids) * (1 + len(self.base.columns))


_known: OrderedDict[Stream, KnownBase] = OrderedDict()
_lock = threading.Lock()


def base_for(stream: Stream, taken_at: datetime) -> KnownBase | None:
    """Return what a profile may be written against, counting the use."""
    with _lock:
        found = _known.get(stream)
        if found is None or not found.serves(taken_at):
            return None
        found.uses += 1
        return found


def remember_base(stream: Stream, known: KnownBase) -> None:
    """Remember a profile that is committed as the one to differ from."""
    with _lock:
        _known[stream] = known
        _known.move_to_end(stream)
        total = sum(one.cells for one in _known.values())
        while total > MAX_REMEMBERED_CELLS and len(_known) > 1:
            total -= _known.popitem(last=False)[1].cells


def forget_bases() -> None:
    """Forget what this process stored; the next profile of every instance is kept whole."""
    with _lock:
        _known.clear()


@dataclass(frozen=True, slots=True)
class Places:
    """Where a row of hot profiles has its instance, shape, time, block and the time of its base."""

    instance_id: int
    shape_id: int
    taken_at: int
    block: int
    base_at: int


def with_bases(service: ServiceKey, rows: Sequence[Row], places: Places) -> list[Row]:
    """Return the rows, each block of differences as a `FromBase`; bases that are not among them are read."""
    if all(row[places.base_at] is None for row in rows):
        return list(rows)
    bases = {
        (row[places.instance_id], row[places.shape_id], row[places.taken_at]): BaseBlock(row[places.block])
        for row in rows
        if row[places.base_at] is None
    }
    wanted = {
        (row[places.instance_id], row[places.shape_id], row[places.base_at])
        for row in rows
        if row[places.base_at] is not None
    }
    missing = sorted(wanted - bases.keys())
    if missing:
        instance_ids, shape_ids, moments = zip(*missing, strict=True)
        asked = {"instance_ids": list(instance_ids), "shape_ids": list(shape_ids), "moments": list(moments)}
        for instance_id, shape_id, taken_at, whole in SQL.fetch("hot_bases", service.parameters | asked):
            bases[(instance_id, shape_id, taken_at)] = BaseBlock(whole)
    found: list[Row] = []
    for row in rows:
        base = bases.get((row[places.instance_id], row[places.shape_id], row[places.base_at]))
        block: Block = row[places.block] if base is None else FromBase(row[places.block], base)
        found.append((*row[: places.block], block, *row[places.block + 1 :]))
    return found
