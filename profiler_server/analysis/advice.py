"""What to do next, by diagnosis, language and signal: the steps that a finding's page and its mail show."""

from __future__ import annotations

_HEAP = (
    "Open the comparison: the call sites that grew are orange, the first suspect is named above.",
    "Look at what keeps its objects: a cache without a bound, a list only appended to, a context never cancelled.",
    "Until it is fixed, restart the instances before the forecast, or roll back to the release before it began.",
)
_UNNAMED_HEAP = (
    "No call site is named yet: send heap profiles (plimsoll-run does, in Go expose net/http/pprof) and it will be.",
    "Meanwhile look at what changed when it began: the release, a configuration, a new kind of request.",
    _HEAP[2],
)
_NATIVE = (
    "The profiled heap does not explain the growth: the memory is taken by native code or by mappings.",
    "Until it is fixed, restart the instances before the forecast.",
)
_NATIVE_TOOLS = {
    "python": "Look at C extensions and their buffers (NumPy, lxml, drivers); memray run --native names the C frames.",
    "go": "Look at cgo and mmap, which Go's profiles do not see: run under heaptrack, or jemalloc with prof:true.",
    "java": "Start with -XX:NativeMemoryTracking=summary and ask jcmd PID VM.native_memory: direct buffers, JNI, "
    "metaspace.",
    "": "Take a native heap profile (heaptrack, jemalloc with prof:true, LeakSanitizer): what is not freed?",
}
_RESOURCE = (
    "Something is started or opened and never ended; what it holds on to leaks with it.",
    "Until it is fixed, restart the instances before a limit of the operating system is met.",
)
_RESOURCE_TOOLS = {
    "fds": "List what is open with ls -l /proc/PID/fd or lsof -p PID: look for responses, files and connections that "
    "are not closed when an error is raised.",
    "threads": "Dump the stacks (py-spy dump, jstack, gdb -p) and see what most threads wait for: a pool made for each "
    "request, a join that never comes.",
    "goroutines": "/debug/pprof/goroutine?debug=1 groups them by what they wait for: a channel nobody reads, a context "
    "never cancelled.",
    "": "Count what is open by kind: /proc/PID/fd for files and sockets, a dump of all stacks for threads.",
}
_FRAGMENTATION = (
    "This is no leak in the code: freed memory cannot be given back because survivors lie between it.",
    "Plan the memory limit for the high-water mark, or recycle workers.",
)
_FRAGMENTATION_CURES = {
    "python": "Try MALLOC_ARENA_MAX=2, jemalloc (LD_PRELOAD) or a periodic malloc_trim(0); make what lives long before "
    "what comes and goes.",
    "go": "Keep long-lived objects apart from churn (pools of equal size): HeapInuse − HeapAlloc is the room "
    "between them.",
    "java": "MALLOC_ARENA_MAX=2 bounds the arenas of native code; in the heap a full collection compacts.",
    "": "Try MALLOC_ARENA_MAX=2, jemalloc, or a periodic malloc_trim(0); keep survivors apart from churn.",
}
_RETENTION = (
    "This is no leak in the code: the runtime keeps freed pages for later.",
    "Mind the memory limit all the same: the kernel counts these pages until it needs them.",
)
_RETENTION_CURES = {
    "go": "With MADV_FREE, set GODEBUG=madvdontneed=1 so that RSS tells the truth; GOMEMLIMIT bounds the heap.",
    "java": "Bound the heap with -Xmx or -XX:MaxRAMPercentage; -XX:G1PeriodicGCInterval and ZGC give it back.",
    "python": "Give freed arenas back with malloc_trim(0) after a burst, or bound them with MALLOC_ARENA_MAX=2.",
    "": "Bound the runtime's heap below the limit, and let it give free pages back where it has a switch for that.",
}
_HIGH_WATER = (
    "This is no leak in the code: a peak made memory this large, and it was not given back afterwards.",
    "Find the peak on the time axis: a burst of load, one large request, or files read into the page cache.",
    "Plan the limit for the peak, make the peak smaller (stream, page, bound what runs at once), or recycle workers.",
)
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


def next_steps(
    diagnosis: str, *, language: str = "", signal: str = "", is_named: bool = True
) -> tuple[str, ...]:
    """Return what a person should do next, most useful first; empty for a healthy diagnosis.

    `language` chooses the tools that fit the service's runtime, `signal` those for what piles up; `is_named` is whether
    a call site is accused.
    """
    runtime = language.lower()
    if diagnosis == "heap_leak":
        return _HEAP if is_named else _UNNAMED_HEAP
    if diagnosis == "high_water":
        return _HIGH_WATER
    known = {
        "native_leak": (_NATIVE, _NATIVE_TOOLS, runtime),
        "resource_leak": (_RESOURCE, _RESOURCE_TOOLS, signal),
        "fragmentation": (_FRAGMENTATION, _FRAGMENTATION_CURES, runtime),
        "runtime_retention": (_RETENTION, _RETENTION_CURES, runtime),
    }
    if diagnosis not in known:
        return ()
    (what, meanwhile), fitting, key = known[diagnosis]
    return (what, fitting.get(key, fitting[""]), meanwhile)


def diagnosis_name(diagnosis: str) -> str:
    """Return a diagnosis as a person would write it."""
    return _NAMES.get(diagnosis, diagnosis.replace("_", " ").capitalize())
