"""Releases that are switched on inside a running process: its points after the switch belong to the new release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from profiler_server.core.leak import InstanceSeries, Marker


def split_at_flips(
    series: Sequence[InstanceSeries], markers: Sequence[Marker], releases: frozenset[str]
) -> tuple[InstanceSeries, ...]:
    """Return the series, each cut where a deploy took place that started no process of its own.

    `releases` are those that processes of the service were started with: an ordinary deploy starts new processes, and
    cuts nothing.
    """
    flips = [m for m in markers if m.kind == "deploy" and m.version and m.version not in releases]
    return tuple(part for one in series for part in _parts(one, flips))


def _parts(one: InstanceSeries, flips: Sequence[Marker]) -> Iterator[InstanceSeries]:
    """Yield the parts of a series between the flips, each with its release; parts without points are left out."""
    version, low = one.version, 0
    for flip in sorted(flips, key=lambda marker: marker.ts):
        if flip.ts < one.started_at:
            continue
        high = int(np.searchsorted(one.ts, flip.ts, side="left"))
        if high > low:
            yield _part(one, version, low, high)
        version, low = flip.version, max(low, high)
    if low < len(one.ts):
        yield one if low == 0 and version == one.version else _part(one, version, low, len(one.ts))


def _part(one: InstanceSeries, version: str | None, low: int, high: int) -> InstanceSeries:
    columns = {name: values[low:high] for name, values in one.columns.items()}
    return replace(one, version=version, ts=one.ts[low:high], columns=columns)
