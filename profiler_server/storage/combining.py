"""Write combining: what threads of one process store at the same moment goes into one transaction.

The first thread leads: it writes what has gathered and lets go of it when that is committed; what came meanwhile is
the next thread's to lead. Nobody is answered before the commit.

A commit costs nearly the same for one item as for eight. A leader therefore waits until the group is as large as the
last one, as long as another item comes every `GAP_SECONDS`, at most `MAX_GATHER_SECONDS`. So half of the threads write
while the others prepare. A thread that stores alone never waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import Error, connection

MAX_GROUP = 64
MAX_GATHER_SECONDS = 0.004
GAP_SECONDS = 0.001

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    """One thread's item; `gate` opens when it is written, or when the thread is to lead."""

    __slots__ = ("gate", "is_over", "item", "results")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.results: list[Result] = []
        self.is_over = False
        self.gate = threading.Lock()
        self.gate.acquire()


class Combiner(Generic[Item, Result]):
    """Runs `write` on groups of items; it must commit what it wrote and return one result for each item."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._write = write
        self._queue: list[_Ticket[Item, Result]] = []
        self._is_led = False
        self._expected = 1
        self._lock = threading.Lock()
        self._waits = False  # a leader waits until `_is_gathered`, which is held until then, is released
        self._is_gathered = threading.Lock()
        self._is_gathered.acquire()

    def submit(self, item: Item) -> Result:
        """Write the item, with others or alone, and return its result once it is committed.

        When a group fails, each thread writes its own item again, so that an error reaches the one that it is about.
        Within an open transaction the item is written there.
        """
        if connection.in_atomic_block:
            return self._write([item])[0]
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            self._queue.append(ticket)
            leads, self._is_led = not self._is_led, True
            if self._waits and len(self._queue) >= self._expected:
                self._waits = False
                self._is_gathered.release()
        if not leads:
            ticket.gate.acquire()
        if not ticket.is_over:
            self._lead()
        return ticket.results[0] if ticket.results else self._write([item])[0]

    def _gather(self) -> None:
        """Wait until as many items are there as are expected, while more keep coming."""
        until = time.monotonic() + MAX_GATHER_SECONDS
        seen = 0
        while True:
            with self._lock:
                count = len(self._queue)
                is_worth_it = seen < count < self._expected and time.monotonic() < until
                self._waits = is_worth_it
            if not is_worth_it or self._is_gathered.acquire(timeout=GAP_SECONDS):
                return
            if self._was_rung():
                return
            seen = count

    def _was_rung(self) -> bool:
        """Stop waiting; return whether they came at the last moment."""
        with self._lock:
            came, self._waits = not self._waits, False
            if came:
                self._is_gathered.acquire()  # it was released for this leader: the next one must wait again
        return came

    def _lead(self) -> None:
        self._gather()
        with self._lock:
            group, self._queue = self._queue[:MAX_GROUP], self._queue[MAX_GROUP:]
        try:
            for ticket, result in zip(group, self._write([one.item for one in group]), strict=True):
                ticket.results.append(result)
        except Error:
            if len(group) == 1:
                raise
        finally:
            self._hand_over(group)

    def _hand_over(self, group: Sequence[_Ticket[Item, Result]]) -> None:
        with self._lock:
            heir = self._queue[0] if self._queue else None
            self._is_led = heir is not None
            self._expected = min(MAX_GROUP, max(len(group), len(self._queue)))
        for ticket in group:
            ticket.is_over = True
            ticket.gate.release()
        if heir is not None:
            heir.gate.release()
