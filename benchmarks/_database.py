"""A PostgreSQL of the benchmark's own: embedded, migrated, in a temporary folder that goes with the process."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import django
from django.core.management import call_command
from django.db import connection


def start(folder: str = "") -> None:
    """Set Django up on a fresh embedded PostgreSQL (or DATABASE_URL) and make the tables.

    With a `folder` the database is kept there, for a benchmark that loads once and measures often.
    """
    if folder:
        os.environ["PLIMSOLL_DATA_DIR"] = folder
    elif not os.environ.get("DATABASE_URL"):
        folder = tempfile.mkdtemp(prefix="plimsoll-bench-")
        os.environ["PLIMSOLL_DATA_DIR"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "profiler_server.config.settings")
    django.setup()
    call_command("migrate", verbosity=0)


def scalar(statement: str, *parameters: object) -> int:
    """Return the one number that a statement gives."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    return int(row[0])


def execute(statement: str) -> None:
    """Run one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def wal_position() -> int:
    """Return how many bytes of WAL were written since the cluster was made."""
    return scalar("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")


def table_bytes(pattern: str) -> int:
    """Return the bytes on disk of the tables whose names match a LIKE pattern, with indexes and TOAST."""
    return scalar(
        "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r' AND relname LIKE %s",
        pattern,
    )
