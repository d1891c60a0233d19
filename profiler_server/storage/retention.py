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

PARTITIONS_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Maintained:
    """How many partitions were made and dropped."""

    made: int
    dropped: int

    def __add__(self, other: Maintained) -> Maintained:
        return Maintained(self.made + other.made, self.dropped + other.dropped)


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
