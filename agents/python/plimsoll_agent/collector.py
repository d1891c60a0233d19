"""Watches Python's garbage collector: collections and pauses, by its callbacks."""

from __future__ import annotations

import gc
from time import perf_counter
from typing import Any


class CollectorWatch:
    """Counts collections and the time spent in them between two readings."""

    def __init__(self) -> None:
        self._began = 0.0
        self._collections = 0
        self._pause_seconds = 0.0

    def start(self) -> None:
        """Begin to listen."""
        if self._heard not in gc.callbacks:
            gc.callbacks.append(self._heard)

    def stop(self) -> None:
        """Stop listening."""
        if self._heard in gc.callbacks:
            gc.callbacks.remove(self._heard)

    def _heard(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._began = perf_counter()
        elif self._began:
            self._collections += 1
            self._pause_seconds += perf_counter() - self._began
            self._began = 0.0

    def take(self) -> dict[str, float]:
        """Collections and milliseconds of pause since the last reading."""
        collections, self._collections = self._collections, 0
        pause, self._pause_seconds = self._pause_seconds, 0.0
        return {"gc_collections": float(collections), "gc_pause_ms": round(pause * 1000.0, 3)}
