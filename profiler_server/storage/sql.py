"""Named SQL: every statement that needs explaining is a commented file, run with binary results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg import sql

Parameters = Mapping[str, object]
Row = tuple[Any, ...]


class Statements:
    """The `*.sql` files of one folder by name, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """Return the statement in `<name>.sql`."""
        if name not in self._texts:
            self._texts[name] = (self._folder / f"{name}.sql").read_text()
        return self._texts[name]

    def template(self, name: str) -> sql.SQL:
        """Return the statement `name` as a template for identifiers in braces."""
        return sql.SQL(self[name])

    def fetch(
        self,
        name: str,
        parameters: Parameters,
        *,
        is_prepared: bool = False,
        identifiers: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """Run the statement `name` and return its rows; `identifiers` fill the braces of a template.

        A prepared statement is planned once per connection, which is most of the cost of a small write and wrong for a
        read whose best plan depends on its parameters.
        """
        text: bytes | sql.Composed = self[name].encode()
        if identifiers:
            text = self.template(name).format(**{k: sql.Identifier(v) for k, v in identifiers.items()})
        with connection.wrap_database_errors, binary_cursor() as cursor:
            return cursor.execute(text, parameters, prepare=is_prepared).fetchall()

    def run(self, name: str, parameters: Parameters, *, is_prepared: bool = False) -> int:
        """Run the statement `name` and return how many rows it touched."""
        with connection.wrap_database_errors, binary_cursor() as cursor:
            return cursor.execute(self[name].encode(), parameters, prepare=is_prepared).rowcount


def binary_cursor() -> psycopg.Cursor[Row]:
    """Return a cursor of Django's current connection that receives binary values."""
    connection.ensure_connection()
    cursor: psycopg.Cursor[Row] = connection.connection.cursor(binary=True)
    return cursor


def run_together(*statements: str) -> None:
    """Run statements without parameters in one round trip."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute("; ".join(statements).encode())


@contextmanager
def together(statements: int) -> Iterator[None]:
    """Run several statements in one transaction; a single one is its own, which saves two round trips."""
    if statements == 1 and not connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        yield
