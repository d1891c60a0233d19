"""What a row of this room belongs to, and how a snapshot is named outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from profiler_server.core.errors import NotFound
from profiler_server.storage.services import ServiceKey
from profiler_server.storage.times import EPOCH, MICROSECOND

__all__ = ["ServiceKey", "SnapshotId"]


@dataclass(frozen=True, slots=True)
class SnapshotId:
    """One stored profile of one instance; as text `<instance>-<microseconds since 1970>-<shape>`."""

    instance_id: int
    taken_at: datetime
    shape_id: int

    def __str__(self) -> str:
        return f"{self.instance_id}-{(self.taken_at - EPOCH) // MICROSECOND}-{self.shape_id}"

    @classmethod
    def parse(cls, text: str) -> SnapshotId:
        """Return the id that `str` wrote. Raises `NotFound` for anything else."""
        try:
            instance, micros, shape = map(int, text.split("-"))
            return cls(instance, EPOCH + micros * MICROSECOND, shape)
        except (ValueError, OverflowError):
            raise NotFound(f"There is no snapshot {text[:80]!r}.") from None
