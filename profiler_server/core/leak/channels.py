"""From the columns of a process to the parts of its memory that can leak: one value per part and point."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from profiler_server.core.leak.window import FloatArray

CHANNELS = ("heap", "native", "outside", "unmapped", "rss", "free", "threads", "fds", "goroutines")
MEMORY_CHANNELS = ("heap", "native", "outside", "unmapped", "rss", "free")
RESOURCE_CHANNELS = ("threads", "fds", "goroutines")


def _column(columns: Mapping[str, FloatArray], name: str, n: int) -> FloatArray:
    found = columns.get(name)
    return np.full(n, np.nan) if found is None else np.asarray(found, dtype=np.float64)


def _first(*candidates: FloatArray) -> FloatArray:
    """Return the first candidate per point that is not missing."""
    result = candidates[0]
    for other in candidates[1:]:
        result = np.where(np.isnan(result), other, result)
    return result


def derive_channels(columns: Mapping[str, FloatArray], n: int) -> FloatArray:
    """Return f64[n, len(CHANNELS)]: what each part of memory holds at each point, NaN where it cannot be told.

    heap: live managed memory. native: what malloc has handed out, less the managed heap where a runtime lies on top
    of it. outside: resident memory that neither a runtime nor an allocator accounts for (page cache left out where the
    kernel tells it); unmapped: the same where only the runtime's mapped heap can be taken off. free: pages held by an
    allocator or a runtime without use.
    """
    get = {name: _column(columns, name, n) for name in _SOURCES}
    rss = get["rss_bytes"]
    resident = np.where(
        np.isnan(get["rss_anon_bytes"]), rss, get["rss_anon_bytes"] + np.nan_to_num(get["swap_bytes"])
    )
    heap, malloced = get["heap_live_bytes"], get["native_inuse_bytes"]
    native = np.where(np.isnan(heap), malloced, malloced - heap)
    mapped = get["heap_sys_bytes"] - get["heap_released_bytes"]
    held = _first(mapped, get["heap_inuse_bytes"], malloced + np.nan_to_num(get["native_free_bytes"]))
    unmapped = np.where(np.isnan(get["heap_released_bytes"]), resident - get["heap_sys_bytes"], np.nan)
    free = _first(get["native_free_bytes"], get["heap_sys_bytes"] - get["heap_inuse_bytes"])
    return np.stack(
        [heap, native, resident - held, unmapped, rss, free, get["threads"], get["fds"], get["goroutines"]],
        axis=1,
    )


_SOURCES = (
    "rss_bytes",
    "rss_anon_bytes",
    "swap_bytes",
    "heap_live_bytes",
    "heap_inuse_bytes",
    "heap_sys_bytes",
    "heap_released_bytes",
    "native_inuse_bytes",
    "native_free_bytes",
    "threads",
    "fds",
    "goroutines",
)
