"""What to do next, by diagnosis: the steps that a finding's page and its mail show."""

from __future__ import annotations

_HEAP = (
    "Open the comparison: the call sites that grew are orange, the first suspect is named above.",
    "Look at what keeps its objects: a cache without a bound, a list only appended to, a context never cancelled.",
    "Until it is fixed, restart the instances before the forecast, or roll back to the release before it began.",
)
_NATIVE = (
    "The runtime's heap is flat while the process grows: look at C extensions, cgo, mmap and drivers.",
    "See the native allocator's counters on the waterfall, and take a native heap profile (jemalloc, heaptrack).",
    "Until it is fixed, restart the instances before the forecast.",
)
_RESOURCE = (
    "Something is started and never ended: goroutines or threads that wait for ever, files or sockets left open.",
    "In Go, /debug/pprof/goroutine?debug=1 groups them by what they wait for; in Python, faulthandler dumps them.",
    "Until it is fixed, restart the instances before a limit of the operating system is met.",
)
_FRAGMENTATION = (
    "This is no leak in the code: freed memory cannot be given back because survivors lie between it.",
    "In Python, try MALLOC_ARENA_MAX=2, jemalloc, or a periodic malloc_trim(0); keep survivors apart from churn.",
    "Plan the memory limit for the high-water mark, or recycle workers.",
)
_RETENTION = (
    "This is no leak in the code: the runtime keeps freed pages for later.",
    "In Go with MADV_FREE, set GODEBUG=madvdontneed=1 so that RSS tells the truth; GOMEMLIMIT bounds the heap.",
    "Mind the memory limit all the same: the kernel counts these pages until it needs them.",
)
_STEPS: dict[str, tuple[str, ...]] = {
    "heap_leak": _HEAP,
    "native_leak": _NATIVE,
    "resource_leak": _RESOURCE,
    "fragmentation": _FRAGMENTATION,
    "runtime_retention": _RETENTION,
    "high_water": _FRAGMENTATION,
}
_NAMES: dict[str, str] = {
    "heap_leak": "Heap leak",
    "native_leak": "Native leak",
    "resource_leak": "Resource leak",
    "fragmentation": "Fragmentation",
    "runtime_retention": "Runtime retention",
    "warm_up": "Warm-up",
    "load_following": "Follows the load",
    "step": "A step",
    "high_water": "High-water mark",
    "spikes": "Spikes",
    "none": "Steady",
}


def next_steps(diagnosis: str) -> tuple[str, ...]:
    """Return what a person should do next, most useful first; empty for a healthy diagnosis."""
    return _STEPS.get(diagnosis, ())


def diagnosis_name(diagnosis: str) -> str:
    """Return a diagnosis as a person would write it."""
    return _NAMES.get(diagnosis, diagnosis.replace("_", " ").capitalize())
