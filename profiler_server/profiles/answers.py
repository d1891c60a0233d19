"""Answers about closed ranges of time, remembered by the content that they were computed from.

The key holds the version of every stored profile that could matter, read on the same snapshot of the database as the
answer, so that late, compacted or dropped data changes the key and nothing has to be invalidated.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from datetime import timedelta
from typing import TypeVar

from django.utils import timezone

from profiler_server.profiles.question import Question
from profiler_server.profiles.statements import SQL
from profiler_server.profiles.window_rows import MAX_BASE_GAP
from profiler_server.storage.consistent import may_remember
from profiler_server.storage.times import WINDOW

MAX_REMEMBERED_WEIGHT = 500_000  # nodes, rows and values of all answers, about 50 MB
MAX_REMEMBERED_SECONDS = 600.0
CLOSED_AFTER = timedelta(minutes=1)

Answer = TypeVar("Answer")
Key = tuple[Hashable, ...]


class Answers:
    """A map from keys to answers that forgets what was not asked for the longest, beyond `max_weight`."""

    def __init__(self, max_weight: int = MAX_REMEMBERED_WEIGHT) -> None:
        self._entries: OrderedDict[Key, tuple[object, int, float]] = OrderedDict()
        self._max_weight = max_weight
        self._weight = 0
        self._lock = threading.Lock()

    def find(self, key: Key | None, kind: type[Answer]) -> Answer | None:
        """Return the answer under `key`, which is a `kind`, or None."""
        with self._lock:
            entry = self._entries.get(key) if key is not None else None
            if key is None or entry is None or entry[2] <= time.monotonic():
                return None
            self._entries.move_to_end(key)
            return entry[0] if isinstance(entry[0], kind) else None

    def keep(self, key: Key | None, answer: object, weight: int) -> None:
        """Remember an answer; one that is heavier than a tenth of the bound is not kept."""
        if key is None or weight > self._max_weight // 10:
            return
        with self._lock:
            self._drop(key)
            self._entries[key] = (answer, weight, time.monotonic() + MAX_REMEMBERED_SECONDS)
            self._weight += weight
            while self._weight > self._max_weight:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._weight = 0

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        self._weight -= entry[1] if entry is not None else 0


ANSWERS = Answers()


def answer_key(verb: str, questions: tuple[Question, ...], *options: Hashable) -> Key | None:
    """Return what the answer depends on; None when it must not be remembered.

    That is when a range is not over yet, or when what is read may not be committed.
    """
    now = timezone.now()
    if not may_remember() or any(one.selection.end > now - CLOSED_AFTER for one in questions):
        return None
    return (verb, *options, *(_content_of(one) for one in questions))


def _content_of(question: Question) -> Key:
    selection, narrowed = question.selection, question.narrowed
    reach = {"start": selection.start - MAX_BASE_GAP - WINDOW, "end": selection.end}
    (version,) = SQL.fetch("content_version", question.service.parameters | reach)
    return (
        question.service,
        selection.start,
        selection.end,
        question.type_id,
        None if narrowed.instance_ids is None else tuple(narrowed.instance_ids),
        narrowed.release_id,
        frozenset(narrowed.site_labels.items()),
        version,
    )
