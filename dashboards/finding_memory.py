"""What the memory of a finding's service is made of now, and the sums behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from dashboards.service_memory import LayerRow, ServiceMemory, layer_rows, service_memory
from profiler_server.analysis.models import Family, Finding
from profiler_server.catalog import queries as catalog
from profiler_server.core import units

LAYER_NAMES = {
    "rss": "RSS",
    "heap": "Live heap",
    "free": "Free, not given back",
    "outside": "Outside the heap",
}


@dataclass(frozen=True)
class Sum:
    """One line of arithmetic: the counters' names, the same in numbers, the result, and what the result bounds."""

    names: str
    numbers: str
    result: str
    meaning: str


@dataclass(frozen=True)
class FindingMemory:
    """Layers that sum to RSS, and the sums; `unfolded` where they are the heart of the matter."""

    layers: Sequence[LayerRow]
    sums: Sequence[Sum]
    unfolded: bool


def finding_memory(found: Finding, *, lasting: timedelta) -> FindingMemory:
    """Return the newest memory, the mean of the instances; without points the layers kept with the finding."""
    until = max(found.updated_at, found.detected_at)
    heard = catalog.instances(found.service_id, until - lasting, until)
    start, end = (until - lasting).timestamp(), until.timestamp()
    memory = service_memory(found.service, start, end, instance_ids=[one.pk for one in heard])
    return FindingMemory(
        layer_rows(memory) or _kept(found.evidence or {}),
        sums_of(newest(memory)),
        unfolded=found.family in {Family.RETENTION, Family.NATIVE},
    )


def newest(memory: ServiceMemory) -> Mapping[str, float]:
    """Return the counters and the layers (as "layer.<name>") in bytes at the last moment with a known RSS."""
    known = np.flatnonzero(np.isfinite(memory.waterfall.rss_bytes))
    if not len(known):
        return {}
    last = int(known[-1])
    values = {name: matrix[:, last] for name, matrix in memory.series.columns.items()}
    found = {name: float(np.nanmean(column)) for name, column in values.items() if np.isfinite(column).any()}
    layers = {f"layer.{one.name}": float(one.size_bytes[last]) for one in memory.waterfall.layers}
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


def _kept(evidence: Mapping[str, object]) -> list[LayerRow]:
    """Return the layers that the detector kept, when the points are gone."""
    kept = evidence.get("waterfall")
    if not isinstance(kept, Mapping):
        return []
    return [
        LayerRow(
            LAYER_NAMES.get(name, str(name).replace("_", " ").capitalize()), units.format_bytes(size), "", ""
        )
        for name, size in kept.items()
    ]
