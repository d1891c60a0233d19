"""Call sites known to this process: 64-bit keys of stacks to site ids; known profiles cost no symbol and no SQL.

A table is an immutable pair of sorted arrays that is replaced as a whole: readers need no lock. Tables are filled only
after the commit of the transaction that made the ids, and the least recently used go when there are too many keys.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from profiler_server.core.profile import Int32Array, Int64Array, IntArray, UInt64Array
from profiler_server.profiles.keys import ServiceKey

MAX_REMEMBERED_KEYS = 8_000_000  # of all tables, 12 bytes each
MAX_FAMILIAR_KEYS = 2_000_000  # of the latest profiles of all instances, 36 bytes each
UNKNOWN = np.int32(-1)


@dataclass(frozen=True, slots=True)
class TableKey:
    """What may share keys: a build (or rules) within a service; without a build id only one process life."""

    service: ServiceKey
    build: int
    life: int  # the instance, or 0 where keys mean the same in every process


@dataclass(frozen=True, eq=False)
class _Table:
    keys: UInt64Array
    site_ids: Int32Array


@dataclass(frozen=True, eq=False)
class Familiar:
    """The keys of an instance's latest profile in their order, and what is the same whenever they come again.

    ``values[order]`` are its rows by site; rows `starts` begin a new site, and what follows is added to it.
    `site_ids` and `sizes` (block sizes) are of the rising sites.
    """

    keys: UInt64Array
    order: IntArray
    starts: IntArray
    site_ids: Int32Array
    sizes: Int64Array


_familiar: OrderedDict[tuple[TableKey, int], Familiar] = OrderedDict()
_tables: OrderedDict[TableKey, _Table] = OrderedDict()
_lock = threading.Lock()


def look_up(table_key: TableKey, keys: UInt64Array) -> Int32Array:
    """Return int32[n], the site of each key or `UNKNOWN`."""
    table = _tables.get(table_key)
    if table is None or not len(table.keys):
        return np.full(len(keys), UNKNOWN)
    place = np.searchsorted(table.keys, keys)
    place[place == len(table.keys)] = 0
    return np.where(table.keys[place] == keys, table.site_ids[place], UNKNOWN)


def remember(table_key: TableKey, keys: UInt64Array, site_ids: Int32Array) -> None:
    """Remember keys once the open transaction, if any, is committed."""
    if connection.in_atomic_block:
        transaction.on_commit(lambda: _add(table_key, keys, site_ids))
    else:
        _add(table_key, keys, site_ids)


def forget_sites() -> None:
    """Forget everything; it is looked up in the database again."""
    with _lock:
        _tables.clear()
        _familiar.clear()


def familiar(table_key: TableKey, instance_id: int, keys: UInt64Array) -> Familiar | None:
    """Return what is known when an instance's profile has the same stacks in the same order as its last one."""
    found = _familiar.get((table_key, instance_id))
    return found if found is not None and np.array_equal(found.keys, keys) else None


def remember_familiar(table_key: TableKey, instance_id: int, known: Familiar) -> None:
    """Remember an instance's latest profile; its sites must be committed."""
    with _lock:
        _familiar[(table_key, instance_id)] = known
        _familiar.move_to_end((table_key, instance_id))
        total = sum(len(one.keys) for one in _familiar.values())
        while total > MAX_FAMILIAR_KEYS and len(_familiar) > 1:
            total -= len(_familiar.popitem(last=False)[1].keys)


def _add(table_key: TableKey, keys: UInt64Array, site_ids: Int32Array) -> None:
    with _lock:
        table = _tables.get(table_key)
        if table is not None:
            keys = np.concatenate([table.keys, keys])
            site_ids = np.concatenate([table.site_ids, site_ids])
        distinct, first = np.unique(keys, return_index=True)
        _tables[table_key] = _Table(distinct, site_ids[first])
        _tables.move_to_end(table_key)
        total = sum(len(one.keys) for one in _tables.values())
        while total > MAX_REMEMBERED_KEYS and len(_tables) > 1:
            total -= len(_tables.popitem(last=False)[1].keys)
