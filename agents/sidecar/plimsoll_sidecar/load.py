"""Turns a target's own metrics into requests, errors and latency of an interval, by a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from plimsoll_sidecar import prometheus
from plimsoll_sidecar.prometheus import Sample, Selector, parse_selector

_UNITS = (("_seconds", 1000.0), ("_milliseconds", 1.0), ("_ms", 1.0), ("_microseconds", 1e-3), ("_ns", 1e-6))
_LATENCIES = (("p50_ms", 0.5), ("p99_ms", 0.99))


@dataclass(frozen=True)
class LoadMapping:
    """Which metrics tell the load: Prometheus selectors, or dotted names of expvar variables.

    ``requests`` and ``errors`` are counters, ``latency`` a histogram or summary, ``p50`` and ``p99``
    gauges in milliseconds, ``gauges`` further series by their own names.
    """

    requests: str = ""
    errors: str = ""
    latency: str = ""
    p50: str = ""
    p99: str = ""
    gauges: tuple[tuple[str, str], ...] = ()

    def check(self) -> None:
        """Raise ValueError if a selector cannot be parsed."""
        texts = (self.requests, self.errors, self.latency, self.p50, self.p99, *(m for _, m in self.gauges))
        for text in filter(None, texts):
            parse_selector(text)

    @property
    def empty(self) -> bool:
        """True if nothing is mapped."""
        return not (self.requests or self.errors or self.latency or self.p50 or self.p99 or self.gauges)


class LoadReader:
    """Remembers the counters of the last reading of one process."""

    def __init__(self, mapping: LoadMapping) -> None:
        self._mapping = mapping
        self._counters: dict[str, float] = {}
        self._buckets: dict[float, float] = {}

    def forget(self) -> None:
        """The process began anew: its counters did, too."""
        self._counters.clear()
        self._buckets.clear()

    def read(self, samples: list[Sample], variables: Mapping[str, Any]) -> dict[str, float]:
        """Columns of the interval since the last reading; counters need two readings."""
        found: dict[str, float] = {}
        for column, text in (("requests", self._mapping.requests), ("errors", self._mapping.errors)):
            increase = self._increase(column, _value(text, samples, variables)) if text else None
            if increase is not None:
                found[column] = increase
        if "requests" in found and self._mapping.errors:
            found.setdefault("errors", 0.0)
        found.update(self._latency(samples))
        named = (("p50_ms", self._mapping.p50), ("p99_ms", self._mapping.p99), *self._mapping.gauges)
        for column, text in named:
            value = _value(text, samples, variables) if text else None
            if value is not None:
                found[column] = value
        return found

    def _increase(self, column: str, value: Optional[float]) -> Optional[float]:
        if value is None:
            return None
        before = self._counters.get(column)
        self._counters[column] = value
        if before is None:
            return None
        return value - before if value >= before else value

    def _latency(self, samples: list[Sample]) -> dict[str, float]:
        if not self._mapping.latency:
            return {}
        selector = parse_selector(self._mapping.latency)
        factor = next((factor for suffix, factor in _UNITS if selector.name.endswith(suffix)), 1.0)
        counts = prometheus.buckets(samples, selector)
        if not counts:
            summary = prometheus.quantiles(samples, selector)
            return {column: summary[share] * factor for column, share in _LATENCIES if share in summary}
        before, self._buckets = self._buckets, counts
        if not before:
            return {}
        recent = {bound: max(0.0, count - before.get(bound, 0.0)) for bound, count in counts.items()}
        values = ((column, prometheus.histogram_quantile(recent, share)) for column, share in _LATENCIES)
        return {column: round(value * factor, 4) for column, value in values if value is not None}


def _value(text: str, samples: list[Sample], variables: Mapping[str, Any]) -> Optional[float]:
    """A metric's sum from Prometheus, else a number found under a dotted name in expvar."""
    selector: Selector = parse_selector(text)
    found = prometheus.total(samples, selector)
    if found is not None:
        return found
    node: Any = variables
    for part in text.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return float(node) if isinstance(node, (int, float)) and not isinstance(node, bool) else None
