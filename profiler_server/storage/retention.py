"""Keeping partitions in step with time: some made ahead, the old dropped whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

from profiler_server.storage.partitions import (
    Partition,
    PartitionedTable,
    drop_leftovers,
    drop_partition,
    ensure_partitions,
    partitions,
)
from profiler_server.storage.sql import Statements

PARTITIONS_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Maintained:
    """How many partitions were made and dropped."""

    made: int
    dropped: int

    def __add__(self, other: Maintained) -> Maintained:
        return Maintained(self.made + other.made, self.dropped + other.dropped)


def maintain(
    now: datetime,
    statements: Statements,
    hot: tuple[PartitionedTable, timedelta],
    *others: tuple[PartitionedTable, timedelta],
) -> Maintained:
    """Bring a room's tables in step with `now`, each with how long it is kept.

    A hot partition goes once all its rows are in chunks (``has_pending``); a row that slips in between that check and
    the drop is carried over into a new partition (``rescue_hot``).
    """
    rescue = statements.template("rescue_hot")
    table, keep = hot
    done = keep_in_step(table, now, keep, may_drop=lambda one: is_compacted(statements, one), rescue=rescue)
    return sum((keep_in_step(table, now, keep) for table, keep in others), done)


def is_compacted(statements: Statements, partition: Partition) -> bool:
    """Return whether chunks hold all rows of a hot partition."""
    ((pending,),) = statements.fetch("has_pending", {"start": partition.start, "end": partition.end})
    return not pending


def keep_in_step(
    table: PartitionedTable,
    now: datetime,
    keep: timedelta,
    *,
    may_drop: Callable[[Partition], bool] = lambda _: True,
    rescue: sql.SQL | None = None,
) -> Maintained:
    """Make the partitions of now and the next `PARTITIONS_AHEAD`; drop those that ended more than `keep` ago.

    `may_drop` can hold one back; `rescue` carries rows over that came meanwhile (see `drop_partition`).
    """
    drop_leftovers(table, rescue)
    before = {partition.start for partition in partitions(table)}
    ahead = [now + table.span * step for step in range(PARTITIONS_AHEAD + 1)]
    ensure_partitions(table, ahead)
    made = len({table.start_of(moment) for moment in ahead} - before)
    dropped = 0
    for partition in partitions(table):
        if partition.end <= now - keep and may_drop(partition):
            drop_partition(partition, rescue)
            dropped += 1
    return Maintained(made, dropped)
