"""Leak detection as pure functions: a service's recent history in, a verdict with its evidence out."""

from profiler_server.core.leak.evaluate import evaluate
from profiler_server.core.leak.model import (
    Evaluation,
    InstanceSeries,
    LeakState,
    Marker,
    ServiceWindow,
    SiteTable,
)

__all__ = [
    "Evaluation",
    "InstanceSeries",
    "LeakState",
    "Marker",
    "ServiceWindow",
    "SiteTable",
    "evaluate",
]
