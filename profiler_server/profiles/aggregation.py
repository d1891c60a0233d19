"""How the values of a sample type add up over time: what is in use is averaged, what was done is counted."""

from __future__ import annotations

from enum import Enum

COUNTED_PREFIXES = ("alloc", "cpu", "samples", "contentions", "delay", "wall", "exception", "lock", "block")


class Aggregation(Enum):
    """MEAN over time (bytes in use), or the sum of INCREASES (bytes allocated)."""

    MEAN = "mean"
    INCREASE = "increase"


def aggregation_of(type_name: str) -> Aggregation:
    """Return how a sample type aggregates, by its name."""
    return Aggregation.INCREASE if type_name.startswith(COUNTED_PREFIXES) else Aggregation.MEAN
