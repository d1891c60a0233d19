"""No sampler: memory is watched by counters alone."""

from __future__ import annotations

from typing import Optional


class AbsentSampler:
    """Fills the seam where no call sites are wanted or can be had."""

    name = "rss"
    armed = False

    def arm(self) -> None:
        """Nothing to arm."""

    def disarm(self) -> None:
        """Nothing to disarm."""

    def live_bytes(self) -> Optional[float]:
        """Nothing is sampled."""
        return None

    def own_bytes(self) -> float:
        """It holds nothing."""
        return 0.0

    def encode(self, at: float) -> Optional[bytes]:
        """There is no profile."""
        return None
