"""Queries whose asker goes away are cancelled: one thread watches the sockets of those that take their time.

A query costs nothing but an entry in a table; only one that is still running at the watcher's next look has its socket
examined. What ends it is PostgreSQL's own cancel request, on a connection of its own, so that the statement stops
where it runs and the transaction rolls back.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import psycopg
from django.db import Error, connection

from profiler_server.core.errors import ProfilerError

LOOK_SECONDS = 0.1
CANCEL_SECONDS = 5.0  # how long a cancel request may take
IDLE_LOOKS = 50  # after so many looks at nothing the watcher sleeps until the next query
GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR if hasattr(select, "POLLRDHUP") else 0

_log = logging.getLogger(__name__)
_asker: ContextVar[socket.socket | None] = ContextVar("asker", default=None)


class AskerGone(ProfilerError):
    """Whoever asked has closed the connection; nobody reads the answer."""

    code: ClassVar[str] = "client_gone"


class _Watched:
    """A connection of PostgreSQL that works for the client behind a socket."""

    __slots__ = ("asker", "busy", "connection", "is_gone", "is_over")

    def __init__(self, asker: socket.socket, busy: psycopg.Connection[Any]) -> None:
        self.asker = asker
        self.connection = busy
        self.is_gone = False
        self.is_over = False
        self.busy = threading.Lock()  # held while the query is being cancelled, so that no later one is hit


class _Watcher:
    """A daemon thread, started by the first query of the process that can be watched."""

    def __init__(self) -> None:
        self._entries: set[_Watched] = set()
        self._lock = threading.Lock()
        self._wakes = threading.Event()
        self._sleeps = False
        self._thread: threading.Thread | None = None

    def add(self, entry: _Watched) -> None:
        with self._lock:
            self._entries.add(entry)
            if (
                self._thread is None or not self._thread.is_alive()
            ):  # a forked process has no thread of its own
                self._thread = threading.Thread(target=self._look, name="departures", daemon=True)
                self._thread.start()
        if self._sleeps:
            self._wakes.set()

    def remove(self, entry: _Watched) -> None:
        with self._lock:
            self._entries.discard(entry)
        with entry.busy:
            entry.is_over = True

    def _look(self) -> None:
        idle, seen = 0, set[_Watched]()
        while True:
            self._wakes.wait(None if self._sleeps else LOOK_SECONDS)
            with self._lock:
                now = set(self._entries)
                idle = 0 if now else idle + 1
                self._sleeps = idle > IDLE_LOOKS
                if self._wakes.is_set():
                    self._wakes.clear()
                    self._sleeps = False
            for entry in now & seen:  # those that have been running since the last look
                _cancel_if_gone(entry)
            seen = now


_watcher = _Watcher()


@contextmanager
def asked_by(asker: socket.socket | None) -> Iterator[None]:
    """State whose question is answered inside: the client's socket, where there is one that can be watched."""
    token = _asker.set(asker if GONE and isinstance(asker, socket.socket) else None)
    try:
        yield
    finally:
        _asker.reset(token)


@contextmanager
def cancelled_with_asker() -> Iterator[None]:
    """Cancel what Django's connection runs inside when the asker goes away. Raises `AskerGone` in its place."""
    asker = _asker.get()
    if asker is None:
        yield
        return
    connection.ensure_connection()
    entry = _Watched(asker, connection.connection)
    _watcher.add(entry)
    try:
        yield
    except Error as error:
        if entry.is_gone:
            raise AskerGone("The client closed the connection before the answer was ready.") from error
        raise
    finally:
        _watcher.remove(entry)


def _cancel_if_gone(entry: _Watched) -> None:
    with entry.busy:
        if entry.is_over or not _is_gone(entry.asker):
            return
        entry.is_gone = True
        try:
            entry.connection.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.Error:
            _log.warning(
                "A query could not be cancelled; it ends by itself or by its timeout.", exc_info=True
            )


def _is_gone(asker: socket.socket) -> bool:
    """Return whether the other side has closed, if only for sending; bytes that it sent before may still be unread."""
    if asker.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(asker.fileno(), GONE)
    return any(events & GONE for _, events in poll.poll(0))
