"""The memory waterfall of a service: its points read, averaged over instances and split into layers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from dashboards.figures import style
from dashboards.figures.timeline import Grid
from dashboards.figures.waterfall import shown_layers, waterfall_figure
from dashboards.service_pictures import moment_words
from dashboards.service_series import ServiceSeries, read_service_series
from profiler_server.catalog.models import Service
from profiler_server.core import units
from profiler_server.core.profile import FloatArray
from profiler_server.core.waterfall import Waterfall, memory_waterfall

COLUMNS = (
    "rss_bytes", "rss_file_bytes", "rss_shmem_bytes", "heap_live_bytes", "heap_inuse_bytes", "heap_idle_bytes",
    "heap_released_bytes", "stack_bytes", "runtime_other_bytes", "native_inuse_bytes", "native_free_bytes",
    "mmapped_bytes", "pymalloc_arena_bytes", "pymalloc_slack_bytes", "cgroup_limit_bytes", "cgroup_current_bytes",
)  # fmt: skip
BINS = 160
MAX_INSTANCES = 6


@dataclass(frozen=True)
class LayerRow:
    """A layer at one moment, in words."""

    title: str
    size: str
    share: str
    explanation: str


@dataclass(frozen=True)
class ServiceMemory:
    """The mean of the instances' columns on a grid, and the layers that it makes."""

    series: ServiceSeries
    waterfall: Waterfall


def service_memory(
    service: Service, start: float, end: float, *, instance_ids: Sequence[int]
) -> ServiceMemory:
    """Read the waterfall of a service: the mean of at most `MAX_INSTANCES` of the given instances, the last ones."""
    chosen = list(instance_ids)[-MAX_INSTANCES:]
    return memory_of(read_service_series(service, start, end, names=COLUMNS, bins=BINS, instance_ids=chosen))


def memory_of(measured: ServiceSeries) -> ServiceMemory:
    """Return the waterfall of the mean of the instances."""
    series = _trimmed(measured)
    return ServiceMemory(
        series, memory_waterfall({name: _mean(matrix) for name, matrix in series.columns.items()})
    )


def memory_figure(memory: ServiceMemory, zone: ZoneInfo) -> style.Picture | None:
    """Return the picture of it, or None when no resident memory is measured."""
    series = memory.series
    grid = Grid(series.ts, series.start, series.end, zone)
    words = moment_words(series.ts, zone)
    return waterfall_figure(grid, memory.waterfall, limit=series.limit_bytes, words=words)


def layer_rows(memory: ServiceMemory) -> list[LayerRow]:
    """Return the layers at the last moment with a known RSS, from the top down; nothing without one."""
    rss = memory.waterfall.rss_bytes
    known = np.flatnonzero(np.isfinite(rss))
    if not len(known):
        return []
    last = int(known[-1])
    rows = [
        LayerRow(
            layer.title,
            units.format_bytes(float(layer.size_bytes[last])),
            units.format_share(float(layer.size_bytes[last] / rss[last])),
            layer.explanation,
        )
        for layer in reversed(shown_layers(memory.waterfall))
    ]
    return [LayerRow("RSS", units.format_bytes(float(rss[last])), "100 %", "All resident memory."), *rows]


def _trimmed(series: ServiceSeries) -> ServiceSeries:
    """Return the series from its first to its last known RSS, so that areas begin and end there."""
    rss = series.columns.get("rss_bytes")
    if rss is None or not np.isfinite(rss).any():
        return series
    known = np.flatnonzero(np.isfinite(rss).any(axis=0))
    span = slice(int(known[0]), int(known[-1]) + 1)
    columns = {name: matrix[:, span] for name, matrix in series.columns.items()}
    return replace(series, ts=series.ts[span], columns=columns)


def _mean(matrix: FloatArray) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a bin in which nobody reported stays NaN
        mean: FloatArray = np.nanmean(matrix, axis=0)
    return mean
