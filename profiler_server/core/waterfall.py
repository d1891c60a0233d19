"""Where a process's resident memory goes: ordered layers from the live heap to what nobody accounts for.

Every layer is an estimate from a counter of the runtime, the C allocator or the kernel. Counters are read at slightly
different moments and count pages that may not be resident, so each layer takes at most what is left of RSS, the surest
counters first; what remains is named as unexplained. Layers are therefore never negative and sum to RSS.

Sources of the formulas: Go's ``runtime.MemStats`` (HeapInuse − HeapAlloc bounds fragmentation; HeapIdle − HeapReleased
is kept by the runtime); ``mallinfo2(3)``; CPython's ``Objects/obmalloc.c``; ``madvise(2)`` on MADV_FREE.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from profiler_server.core.profile import FloatArray


@dataclass(frozen=True, eq=False)
class Layer:
    """One part of RSS: `size_bytes` float64[n], and one sentence on what it means."""

    name: str
    title: str
    explanation: str
    size_bytes: FloatArray


@dataclass(frozen=True, eq=False)
class Waterfall:
    """The layers from the bottom up; at every moment with a known RSS they sum to `rss_bytes` float64[n].

    `headroom_bytes` is the limit less what the cgroup (or, unknown, the process) uses; NaN without a limit.
    """

    layers: tuple[Layer, ...]
    rss_bytes: FloatArray
    limit_bytes: FloatArray
    headroom_bytes: FloatArray


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    title: str
    explanation: str


# From the bottom of the drawing to its top.
_KINDS = (
    _Kind(
        "live_heap",
        "Live heap",
        "Objects that the program still holds, or that the collector has not freed yet.",
    ),
    _Kind(
        "native",
        "Native allocations",
        "Allocated by C code (extensions, cgo, libraries) outside the runtime's own heap.",
    ),
    _Kind(
        "fragmentation",
        "Fragmentation",
        "Unused room inside heap blocks that hold at least one live object; an upper bound.",
    ),
    _Kind(
        "runtime_idle",
        "Kept by the runtime",
        "Empty heap blocks that the runtime keeps for its next allocations and has not given back.",
    ),
    _Kind(
        "allocator_free",
        "Free in the C allocator",
        "Freed by the program and kept in malloc's free lists, not given back to the system.",
    ),
    _Kind("stacks", "Stacks", "Stacks of threads and goroutines; grows with their number."),
    _Kind(
        "runtime_other",
        "Runtime's own",
        "The runtime's bookkeeping: collector, type and span tables, profiling buckets.",
    ),
    _Kind(
        "files",
        "Code and mapped files",
        "Program code, libraries and mapped files; the kernel can drop clean pages.",
    ),
    _Kind(
        "shared_memory",
        "Shared memory",
        "Shared segments and tmpfs pages, counted in every process that maps them.",
    ),
    _Kind(
        "released",
        "Released, still resident",
        "At most this much was given back with MADV_FREE; the kernel takes it only when memory is short.",
    ),
    _Kind(
        "unexplained",
        "Unexplained",
        "Resident but in no counter: native memory outside malloc, or pages of counters that were read earlier.",
    ),
)

# The surest first: what the kernel measured, then what is in use, then what is merely kept.
_CLAIMS = (
    "files",
    "shared_memory",
    "live_heap",
    "native",
    "stacks",
    "runtime_other",
    "fragmentation",
    "allocator_free",
    "runtime_idle",
    "released",
)


def memory_waterfall(columns: Mapping[str, FloatArray | float]) -> Waterfall:
    """Split RSS into layers, for one moment (numbers) or many (float64[n] columns, all equally long; NaN = missing).

    A layer whose counters are all missing has 0 bytes everywhere. Where RSS itself is missing every layer is NaN.
    """
    counters = _Counters(columns)
    rss = counters.get("rss_bytes", missing=np.nan)
    left = np.maximum(rss, 0.0)
    sizes: dict[str, FloatArray] = {}
    estimates = _estimates(counters)
    for name in _CLAIMS:
        sizes[name] = np.clip(estimates[name], 0.0, left)
        left = left - sizes[name]
    sizes["unexplained"] = left
    layers = tuple(Layer(kind.name, kind.title, kind.explanation, sizes[kind.name]) for kind in _KINDS)
    limit = counters.get("cgroup_limit_bytes", missing=np.nan)
    used = counters.get("cgroup_current_bytes", missing=np.nan)
    return Waterfall(layers, np.maximum(rss, 0.0), limit, limit - np.where(np.isnan(used), rss, used))


class _Counters:
    """The given columns as equally long arrays."""

    def __init__(self, columns: Mapping[str, FloatArray | float]) -> None:
        self.columns = {
            name: np.atleast_1d(np.asarray(values, np.float64)) for name, values in columns.items()
        }
        self.length = max((len(values) for values in self.columns.values()), default=1)

    def get(self, name: str, *, missing: float = 0.0) -> FloatArray:
        values = self.columns.get(name)
        if values is None:
            return np.full(self.length, missing)
        return np.where(np.isnan(values), missing, values)

    def has(self, name: str) -> FloatArray:
        """Return 1.0 where the counter is known, 0.0 elsewhere."""
        return (~np.isnan(self.get(name, missing=np.nan))).astype(np.float64)


def _estimates(counters: _Counters) -> dict[str, FloatArray]:
    """Return what each layer would be if every page of its counters were resident; may be negative."""
    get = counters.get
    live = get("heap_live_bytes")
    small_objects = np.maximum(get("pymalloc_arena_bytes") - get("pymalloc_slack_bytes"), 0.0)
    in_malloc = get("native_inuse_bytes") + get("mmapped_bytes")
    traced = counters.has("heap_live_bytes")
    # Without a heap counter what is in Python's arenas is the live heap; with one, the part of the live heap that
    # does not fit into the arenas lies in malloc and must not be counted as native again.
    own_in_malloc = np.where(_is_python(counters), np.maximum(live - small_objects, 0.0), 0.0)
    return {
        "files": get("rss_file_bytes"),
        "shared_memory": get("rss_shmem_bytes"),
        "live_heap": np.where(traced > 0, live, np.maximum(small_objects, get("heap_inuse_bytes"))),
        "native": in_malloc - own_in_malloc,
        "stacks": get("stack_bytes"),
        "runtime_other": get("runtime_other_bytes"),
        "fragmentation": get("pymalloc_slack_bytes")
        + np.where(counters.has("heap_inuse_bytes") * traced > 0, get("heap_inuse_bytes") - live, 0.0),
        "allocator_free": get("native_free_bytes"),
        "runtime_idle": get("heap_idle_bytes") - get("heap_released_bytes"),
        "released": get("heap_released_bytes"),
    }


def _is_python(counters: _Counters) -> FloatArray:
    """Return 1.0 where the live heap lies (partly) in malloc, that is where no runtime manages its own heap."""
    return 1.0 - counters.has("heap_inuse_bytes")
