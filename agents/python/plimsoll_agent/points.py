"""Rows of the present stretch of time, turned into the columnar batches of the wire contract."""

from __future__ import annotations

import json
from typing import Any, Optional, Sequence

from plimsoll_agent.door import Request, json_request

MAX_ROWS = 500
MAX_MARKERS = 100
POINTS_PATH = "/v1/points"


class PointBuffer:
    """At most MAX_ROWS points that were not sent yet."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, dict[str, float]]] = []
        self._markers: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def full(self) -> bool:
        """True when the rows must be sealed into a request to make room."""
        return len(self._rows) >= MAX_ROWS

    def add(self, at: float, columns: dict[str, float]) -> None:
        """Append the point of unix time ``at`` (seconds)."""
        self._rows.append((round(at, 3), columns))

    def mark(self, at: float, kind: str, text: str) -> None:
        """Append a marker of the wire contract's kinds."""
        if len(self._markers) < MAX_MARKERS:
            self._markers.append({"ts": round(at, 3), "kind": kind, "text": text})

    def seal(self, instance: dict[str, Any]) -> Optional[Request]:
        """The rows as one request, None if there are none; the rows stay until ``clear``."""
        if not self._rows and not self._markers:
            return None
        message = {"instance": instance, "points": columnar(self._rows), "markers": self._markers}
        return json_request(POINTS_PATH, json.dumps(message, separators=(",", ":"), allow_nan=False))

    def clear(self) -> None:
        """Forget the rows: they were sent, or are in the spool."""
        self._rows = []
        self._markers = []


def columnar(rows: Sequence[tuple[float, dict[str, float]]]) -> dict[str, Any]:
    """``{"ts": […], "columns": {name: [value or null, …]}}``; not-finite values become null."""
    names: dict[str, None] = {}
    for _, columns in rows:
        names.update(dict.fromkeys(columns))
    return {
        "ts": [at for at, _ in rows],
        "columns": {name: [_plain(columns.get(name)) for _, columns in rows] for name in names},
    }


def _plain(value: Optional[float]) -> Optional[float]:
    """Integers without a fraction part (shorter), None for what JSON cannot say."""
    if value is None or value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124
        return None
    return int(value) if value == int(value) and abs(value) < 1 << 53 else value
