"""What the memory of a finding's service is made of, when it began and now, and the sums behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.finding_picture import growing_instances
from dashboards.links import Range
from dashboards.service_memory import ServiceMemory, service_memory
from profiler_server.analysis.models import Family, Finding
from profiler_server.catalog import queries as catalog
from profiler_server.core import units
from profiler_server.core.waterfall import Waterfall

LAYER_NAMES = {
    "rss": "RSS",
    "heap": "Live heap",
    "native": "Native allocations",
    "free": "Free, not given back",
    "outside": "Outside the heap",
    "unmapped": "In no counter",
}
SMALLEST_SHARE = 0.002
FREE_LAYERS = ("fragmentation", "runtime_idle", "allocator_free", "released", "unexplained", "files")
"""What is resident and not in use by the program's own objects, as far as a limit is concerned."""


@dataclass(frozen=True)
class LayerChange:
    """One layer in bytes: when it began (None: not known) and now; `share` is of RSS now."""

    name: str
    title: str
    explanation: str
    before: float | None
    now: float
    share: float | None

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """Return before, now, the change and the share as texts."""
        if self.before is None:
            return "", units.format_bytes(self.now), "", units.format_share(self.share)
        change = units.format_bytes(self.now - self.before, signed=True)
        before = units.format_bytes(self.before)
        return before, units.format_bytes(self.now), change, units.format_share(self.share)


@dataclass(frozen=True)
class Sum:
    """One line of arithmetic: the counters' names, the same in numbers, the result, and what the result bounds."""

    names: str
    numbers: str
    result: str
    meaning: str


@dataclass(frozen=True)
class FindingMemory:
    """Layers that sum to RSS (the first), and the sums; `unfolded` where they are the heart of the matter.

    `of` names the processes that are meant, where it is not all of them.
    """

    layers: Sequence[LayerChange]
    sums: Sequence[Sum]
    unfolded: bool
    has_before: bool
    of: str

    def layer(self, name: str) -> LayerChange | None:
        """Return a layer by its name, None where it is not seen."""
        return next((one for one in self.layers if one.name == name), None)

    def largest_free(self) -> LayerChange | None:
        """Return the largest layer that is resident and not in use."""
        free = [one for one in self.layers if one.name in FREE_LAYERS]
        return max(free, key=lambda one: one.now, default=None)


def finding_memory(found: Finding, before: Range, now: Range) -> FindingMemory:
    """Return the memory in two ranges, the mean of the instances that grow; without points what the finding kept."""
    evidence = found.evidence or {}
    only = growing_instances(evidence) if found.family != Family.RETENTION else frozenset()
    then, newest_memory = (_memory_in(found, part, only) for part in (before, now))
    counters = newest(newest_memory)
    layers = _changes(first(then), counters, newest_memory.waterfall) if counters else kept_layers(evidence)
    return FindingMemory(
        layers,
        sums_of(counters),
        unfolded=found.family in {Family.RETENTION, Family.NATIVE},
        has_before=any(one.before is not None for one in layers),
        of=", ".join(sorted(only)),
    )


def _memory_in(found: Finding, part: Range, only: frozenset[str]) -> ServiceMemory:
    heard = catalog.instances(found.service_id, *part)
    ids = [one.pk for one in heard if not only or one.key in only]
    return service_memory(
        found.service, part[0].timestamp(), part[1].timestamp(), instance_ids=ids or [one.pk for one in heard]
    )


def _changes(
    before: Mapping[str, float], now: Mapping[str, float], waterfall: Waterfall
) -> list[LayerChange]:
    """Return RSS and its layers from the top down, without those that are too small to matter both times."""
    rss = max(now["rss_bytes"], 1.0)
    rows = [LayerChange("rss", "RSS", "All resident memory.", before.get("rss_bytes"), now["rss_bytes"], 1.0)]
    for layer in reversed(waterfall.layers):
        was, size = before.get(f"layer.{layer.name}"), now[f"layer.{layer.name}"]
        if max(was or 0.0, size) > SMALLEST_SHARE * rss:
            rows.append(LayerChange(layer.name, layer.title, layer.explanation, was, size, size / rss))
    return rows


def first(memory: ServiceMemory) -> Mapping[str, float]:
    """Return the counters and the layers in bytes at the first moment with a known RSS."""
    return _at(memory, 0)


def newest(memory: ServiceMemory) -> Mapping[str, float]:
    """Return the counters and the layers (as "layer.<name>") in bytes at the last moment with a known RSS."""
    return _at(memory, -1)


def _at(memory: ServiceMemory, place: int) -> Mapping[str, float]:
    known = np.flatnonzero(np.isfinite(memory.waterfall.rss_bytes))
    if not len(known):
        return {}
    moment = int(known[place])
    values = {name: matrix[:, moment] for name, matrix in memory.series.columns.items()}
    found = {name: float(np.nanmean(column)) for name, column in values.items() if np.isfinite(column).any()}
    layers = {f"layer.{one.name}": float(one.size_bytes[moment]) for one in memory.waterfall.layers}
    return found | layers


def sums_of(counters: Mapping[str, float]) -> list[Sum]:
    """Return the sums that the known counters (bytes) allow, named as in Go's `runtime.MemStats`."""
    sums: list[Sum] = []
    if {"heap_inuse_bytes", "heap_live_bytes"} <= counters.keys():
        bound = "the most that fragmentation of the heap can hold"
        sums.append(
            _difference("HeapInuse − HeapAlloc", counters, "heap_inuse_bytes", "heap_live_bytes", bound)
        )
    if {"heap_idle_bytes", "heap_released_bytes"} <= counters.keys():
        kept = "free, but kept by the runtime for its next allocations"
        sums.append(
            _difference("HeapIdle − HeapReleased", counters, "heap_idle_bytes", "heap_released_bytes", kept)
        )
        resident = units.format_bytes(counters.get("layer.released", 0.0))
        released = units.format_bytes(counters["heap_released_bytes"])
        lazily = f"given back; at most {resident} of it is still resident, until the kernel needs the pages"
        sums.append(Sum("HeapReleased", "", released, lazily))
    if "pymalloc_slack_bytes" in counters:
        slack = units.format_bytes(counters["pymalloc_slack_bytes"])
        sums.append(
            Sum("Free in pymalloc's arenas", "", slack, "the most that fragmentation of the arenas can hold")
        )
    if "native_free_bytes" in counters:
        free = units.format_bytes(counters["native_free_bytes"])
        sums.append(Sum("Free in malloc", "", free, "freed by the program and kept by the C allocator"))
    unexplained = counters.get("layer.unexplained", 0.0)
    if "rss_bytes" in counters:
        counted = counters["rss_bytes"] - unexplained
        numbers = f"{units.format_bytes(counters['rss_bytes'])} − {units.format_bytes(counted)}"
        nobody = "in no counter: native memory of C code, cgo or mmap"
        sums.append(Sum("RSS − all that is counted", numbers, units.format_bytes(unexplained), nobody))
    return sums


def _difference(names: str, counters: Mapping[str, float], whole: str, part: str, meaning: str) -> Sum:
    left, right = counters[whole], counters[part]
    numbers = f"{units.format_bytes(left)} − {units.format_bytes(right)}"
    return Sum(names, numbers, units.format_bytes(max(left - right, 0.0)), meaning)


def kept_layers(evidence: Mapping[str, object]) -> list[LayerChange]:
    """Return the layers that the detector kept, when the points are gone."""
    kept, before = evidence.get("waterfall"), evidence.get("waterfall_before")
    if not isinstance(kept, Mapping):
        return []
    then: Mapping[str, float] = before if isinstance(before, Mapping) else {}
    rss = kept.get("rss")
    return [
        LayerChange(
            name,
            LAYER_NAMES.get(name, str(name).replace("_", " ").capitalize()),
            "",
            then.get(name),
            float(size),
            float(size) / float(rss) if rss else None,
        )
        for name, size in sorted(kept.items(), key=lambda item: item[0] != "rss")
        if size is not None
    ]
