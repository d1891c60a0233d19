"""Advisory locks that last as long as a transaction, named by a purpose and what it is done to."""

from __future__ import annotations

import hashlib

from django.db import connection


def lock_key(purpose: str, *parts: object) -> int:
    """Return the signed 64-bit key of a lock."""
    text = "\0".join([purpose, *map(str, parts)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def try_lock(purpose: str, *parts: object) -> bool:
    """Take the lock until the transaction ends, or return False when another has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (lock_key(purpose, *parts),))
        return bool(cursor.fetchone()[0])


def lock(purpose: str, *parts: object) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key(purpose, *parts),))
