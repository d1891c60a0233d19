"""Time partitions of native PostgreSQL tables: made when a moment needs one, dropped whole by retention.

A table's partitions are named `<table>_p<start in UTC>`; each covers `span` from a multiple of `span` since 1970.
They are attached, not created in place, because attaching does not wait for the table's readers and writers.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, connection, transaction
from psycopg import sql

from profiler_server.storage.sql import binary_cursor

NAME_FORMAT = "%Y%m%dt%H%M"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GONE = "_gone"  # what a detached partition's name ends with until it is dropped
LOCK_SPACE = 0x504C0001  # advisory locks of this module


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """A table partitioned by range of time into equal spans."""

    name: str
    span: timedelta

    def start_of(self, moment: datetime) -> datetime:
        """Return the start of the partition that holds `moment`."""
        return EPOCH + (moment - EPOCH) // self.span * self.span

    def partition_name(self, start: datetime) -> str:
        """Return the name of the partition that begins at `start`."""
        return f"{self.name}_p{start.strftime(NAME_FORMAT)}"


@dataclass(frozen=True, slots=True)
class Partition:
    """One existing partition: it holds [start, end)."""

    table: PartitionedTable
    start: datetime

    @property
    def name(self) -> str:
        """Return its own table name."""
        return self.table.partition_name(self.start)

    @property
    def end(self) -> datetime:
        """Return the first moment that it does not hold."""
        return self.start + self.table.span


_known: set[tuple[str, datetime]] = set()
_known_lock = threading.Lock()


def ensure_partitions(table: PartitionedTable, moments: Iterable[datetime]) -> None:
    """Make the partitions that hold `moments`; cheap when they are known to exist."""
    starts = {table.start_of(moment) for moment in moments}
    for start in sorted(start for start in starts if (table.name, start) not in _known):
        _make(Partition(table, start))


def partitions(table: PartitionedTable) -> list[Partition]:
    """Return the existing partitions, oldest first."""
    with binary_cursor() as cursor:
        rows = cursor.execute(
            "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = to_regclass(%s) AND NOT i.inhdetachpending",
            (table.name,),
        ).fetchall()
    return [Partition(table, start) for start in _starts(table, [name for (name,) in rows])]


def _starts(table: PartitionedTable, names: Sequence[str]) -> list[datetime]:
    """Return the starts that partitions' names tell, oldest first; other names are left out."""
    pattern = re.compile(re.escape(table.name) + r"_p(\d{8}t\d{4})")
    found = (pattern.fullmatch(name) for name in names)
    return sorted(datetime.strptime(match[1], NAME_FORMAT).replace(tzinfo=UTC) for match in found if match)


def drop_partition(partition: Partition, rescue: sql.SQL | None = None) -> None:
    """Take the partition out without stopping writers, then drop it. Not inside a transaction.

    `rescue` is an INSERT … SELECT from ``{gone}`` of rows that must not go with it: those that came between the
    decision and now; they find a new partition. What was cut short is finished by `drop_leftovers`.
    """
    names = {"table": sql.Identifier(partition.table.name), "part": sql.Identifier(partition.name)}
    mode = "FINALIZE" if _is_detaching(partition) else "CONCURRENTLY"
    detach = sql.SQL("ALTER TABLE {table} DETACH PARTITION {part} {mode}").format(**names, mode=sql.SQL(mode))
    rename = sql.SQL("ALTER TABLE {part} RENAME TO {gone}")
    with connection.cursor() as cursor:
        cursor.execute(detach)
        cursor.execute(rename.format(part=names["part"], gone=sql.Identifier(partition.name + GONE)))
    forget_partitions()
    _drop_gone(partition, rescue)


def drop_leftovers(table: PartitionedTable, rescue: sql.SQL | None = None) -> int:
    """Finish what an earlier `drop_partition` began; return how many tables were left over."""
    with binary_cursor() as cursor:
        rows = cursor.execute(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname ^@ %s AND relname LIKE %s",
            (f"{table.name}_p", f"%{GONE}"),
        ).fetchall()
    found = [
        Partition(table, start) for start in _starts(table, [name.removesuffix(GONE) for (name,) in rows])
    ]
    for partition in found:
        _drop_gone(partition, rescue)
    return len(found)


def _drop_gone(partition: Partition, rescue: sql.SQL | None) -> None:
    gone = sql.Identifier(partition.name + GONE)
    with connection.cursor() as cursor:
        if rescue is not None:
            try:
                cursor.execute(rescue.format(gone=gone))
            except IntegrityError:  # there are such rows, and no partition for them
                ensure_partitions(partition.table, [partition.start])
                cursor.execute(rescue.format(gone=gone))
        cursor.execute(sql.SQL("DROP TABLE {gone}").format(gone=gone))


def forget_partitions() -> None:
    """Forget which partitions exist; they are looked up again."""
    with _known_lock:
        _known.clear()


def _is_detaching(partition: Partition) -> bool:
    with binary_cursor() as cursor:
        return bool(
            cursor.execute(
                "SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass(%s) AND inhdetachpending",
                (partition.name,),
            ).fetchall()
        )


def _make(partition: Partition) -> None:
    names = {"table": sql.Identifier(partition.table.name), "part": sql.Identifier(partition.name)}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK_SPACE, partition.name))
            cursor.execute("SELECT to_regclass(%s) IS NULL", (partition.name,))
            if cursor.fetchone()[0]:
                cursor.execute(sql.SQL("CREATE TABLE {part} (LIKE {table} INCLUDING ALL)").format(**names))
                bounds = {"low": sql.Literal(partition.start), "high": sql.Literal(partition.end)}
                attach = "ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({low}) TO ({high})"
                cursor.execute(sql.SQL(attach).format(**names, **bounds))
        transaction.on_commit(lambda: _remember(partition))


def _remember(partition: Partition) -> None:
    with _known_lock:
        _known.add((partition.table.name, partition.start))
