"""One line of progress that rewrites itself on a terminal, and stays sparse elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 30
REDRAW_SECONDS = 0.1
SPARSE_STEPS = 10


class Progress:
    """Shows how far along a known amount of work is."""

    def __init__(self, title: str, total: int, stream: TextIO = sys.stderr) -> None:
        self._title = title
        self._total = max(1, total)
        self._stream = stream
        self._live = stream.isatty()
        self._drawn_at = 0.0
        self._step = -1

    def show(self, done: int, text: str = "") -> None:
        """Draw ``done`` of the total, not more often than worthwhile."""
        share = min(1.0, done / self._total)
        now = time.monotonic()
        if self._live:
            if now - self._drawn_at >= REDRAW_SECONDS or share >= 1.0:
                self._drawn_at = now
                filled = int(share * WIDTH)
                bar = "█" * filled + "░" * (WIDTH - filled)
                self._stream.write(f"\r\x1b[K{self._title} {bar} {share:4.0%} {text}")
                self._stream.flush()
            return
        step = int(share * SPARSE_STEPS)
        if step != self._step:
            self._step = step
            self._stream.write(f"{self._title} {share:4.0%} {text}\n")
            self._stream.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            self._stream.write("\n")
            self._stream.flush()
