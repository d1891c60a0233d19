"""Reads that see one state of the database and end in bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import psycopg
from django.db import OperationalError, connection, transaction

from profiler_server.core.errors import LimitExceeded
from profiler_server.storage.departures import cancelled_with_asker
from profiler_server.storage.sql import run_together

DEFAULT_TIMEOUT_SECONDS = 20.0
_reads_only_committed: ContextVar[bool] = ContextVar("reads_only_committed", default=False)


def may_remember() -> bool:
    """Return whether what is read now is committed, so that a process may remember it."""
    return _reads_only_committed.get() or not connection.in_atomic_block


@contextmanager
def reading_committed() -> Iterator[None]:
    """State that the transaction opened inside writes nothing that processes remember (dictionaries, shapes).

    Within a transaction that is open already nothing is known of what it wrote, and nothing is stated.
    """
    if connection.in_atomic_block:
        yield
        return
    token = _reads_only_committed.set(True)
    try:
        yield
    finally:
        _reads_only_committed.reset(token)


@contextmanager
def consistent_reads(timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> Iterator[None]:
    """Run the reads inside on one snapshot of the database, each statement at most `timeout_seconds`.

    Within a transaction that is open already they simply join it. Raises `LimitExceeded` when a statement takes
    longer, and `AskerGone` when the client that asked goes away meanwhile (see `departures`).
    """
    if connection.in_atomic_block:
        yield
        return
    milliseconds = max(1, round(timeout_seconds * 1000))
    try:
        with cancelled_with_asker(), reading_committed(), transaction.atomic():
            run_together(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                f"SET LOCAL statement_timeout = {milliseconds}",
            )
            yield
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise
        raise LimitExceeded(
            f"The query took longer than {timeout_seconds:g} s; ask for less time or fewer instances."
        ) from None
