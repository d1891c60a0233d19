"""Decides from a process's own counters whether its memory grows, for the mode ``on_growth``."""

from __future__ import annotations

from collections import deque
from typing import Optional, Sequence

FLOORS = 6
MIN_GROWTH_BYTES = 2 << 20
MIN_GROWTH_SHARE = 0.02
_WATCHED = ("rss_anon_bytes", "rss_bytes")


class GrowthWatch:
    """Keeps the last ``points`` memory readings; grows if the floors of their sixths keep rising.

    Floors, not averages: memory that a collection gives back is no growth. The server's verdict weighs
    days of data; this one only has to be cheap and to err towards looking.
    """

    def __init__(self, points: int) -> None:
        self._readings: deque[float] = deque(maxlen=points)

    def observe(self, columns: dict[str, float]) -> None:
        """Add the memory reading of one point, if it has one."""
        name = next((name for name in _WATCHED if name in columns), None)
        if name is not None:
            self._readings.append(columns[name])

    def grows(self) -> bool:
        """True if the window is full, its floors rise and the rise is worth a look."""
        floors = self._floors()
        if floors is None:
            return False
        rise = floors[-1] - floors[0]
        enough = max(MIN_GROWTH_BYTES, MIN_GROWTH_SHARE * floors[0])
        rising = sum(later > earlier for earlier, later in zip(floors, floors[1:]))
        return rise >= enough and rising >= FLOORS - 2 and floors[-1] == max(floors)

    def forget(self) -> None:
        """Begin anew, after sampling has disturbed the counters."""
        self._readings.clear()

    def _floors(self) -> Optional[Sequence[float]]:
        if len(self._readings) < (self._readings.maxlen or 0):
            return None
        readings = list(self._readings)
        size = len(readings) // FLOORS
        return [min(readings[i * size : (i + 1) * size]) for i in range(FLOORS)]
