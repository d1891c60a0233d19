"""Go's runtime.MemStats, from the footer of ``heap?debug=1`` or from expvar's ``/debug/vars``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional

PAUSE_RING = 256
_LINE = re.compile(r"^# (\w+) = (.+)$", re.MULTILINE)
_COLUMNS = {
    "HeapAlloc": "heap_live_bytes",
    "HeapInuse": "heap_inuse_bytes",
    "HeapIdle": "heap_idle_bytes",
    "HeapReleased": "heap_released_bytes",
    "HeapSys": "heap_sys_bytes",
    "StackInuse": "stack_bytes",
    "HeapObjects": "gc_objects",
}
_PAIRS = {"Stack": "Stack", "MSpan": "MSpan", "MCache": "MCache"}
_OTHER = ("MSpanSys", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys")


@dataclass(frozen=True)
class MemStats:
    """One reading: the numbers by Go's names, and the ring of the last pauses (ns)."""

    numbers: Mapping[str, int]
    pauses: tuple[int, ...]

    def columns(self) -> dict[str, float]:
        """Columns of this moment, in bytes and counts."""
        found = {
            column: float(self.numbers[name]) for name, column in _COLUMNS.items() if name in self.numbers
        }
        other = [self.numbers[name] for name in _OTHER if name in self.numbers]
        if other:
            found["runtime_other_bytes"] = float(sum(other))
        return found

    def since(self, before: Optional["MemStats"]) -> dict[str, float]:
        """Collections and pause time since an earlier reading of the same process."""
        if before is None:
            return {}
        collections = self.numbers.get("NumGC", 0) - before.numbers.get("NumGC", 0)
        if collections < 0:
            return {}
        found = {"gc_collections": float(collections)}
        pause_ns = self._pause_ns(before, collections)
        if pause_ns is not None:
            found["gc_pause_ms"] = round(pause_ns / 1e6, 4)
        return found

    def _pause_ns(self, before: "MemStats", collections: int) -> Optional[int]:
        if "PauseTotalNs" in self.numbers and "PauseTotalNs" in before.numbers:
            return self.numbers["PauseTotalNs"] - before.numbers["PauseTotalNs"]
        if len(self.pauses) != PAUSE_RING:
            return None
        last = self.numbers.get("NumGC", 0)
        count = min(collections, PAUSE_RING)
        return sum(self.pauses[(last - back + PAUSE_RING - 1) % PAUSE_RING] for back in range(count))


def from_footer(text: str) -> Optional[MemStats]:
    """Parse the ``# runtime.MemStats`` footer; the rows above it are unscaled and not looked at."""
    _, mark, footer = text.rpartition("# runtime.MemStats")
    if not mark:
        return None
    numbers: dict[str, int] = {}
    pauses: tuple[int, ...] = ()
    for name, value in _LINE.findall(footer):
        if name == "PauseNs":
            pauses = tuple(int(word) for word in value.strip("[]").split() if word.isdigit())
        elif name in _PAIRS and " / " in value:
            inuse, _, total = value.partition(" / ")
            numbers[f"{name}Inuse"], numbers[f"{name}Sys"] = int(inuse), int(total)
        elif value.isdigit():
            numbers[name] = int(value)
    return MemStats(numbers, pauses) if "HeapAlloc" in numbers else None


def from_expvar(body: bytes) -> tuple[Optional[MemStats], dict[str, Any]]:
    """Return MemStats (None if absent) and all of expvar's variables."""
    try:
        variables = json.loads(body)
    except (ValueError, RecursionError):
        return None, {}
    if not isinstance(variables, dict):
        return None, {}
    stats = variables.get("memstats")
    if not isinstance(stats, dict) or not isinstance(stats.get("HeapAlloc"), int):
        return None, variables
    numbers = {name: value for name, value in stats.items() if isinstance(value, int)}
    return MemStats(numbers, ()), variables
