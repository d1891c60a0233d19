"""What a person should do next, by diagnosis: the words of the finding page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """A diagnosis in words: its `title`, what it `means`, and the `steps` to take, first things first."""

    title: str
    means: str
    steps: Sequence[str]


_HEAP = Advice(
    "Heap leak",
    "Live objects pile up: the program still reaches memory that it no longer needs.",
    (
        "Open the first suspect's flame graph and read who calls it: often the caller keeps the result.",
        (
            "Ask what should have let go: a cache without a bound, a list that only grows, "
            "a context or timer that is never cancelled, a slice of a large buffer."
        ),
        "If a release brought it, compare with the release before; rolling back stops the growth at the next restart.",
        "Until a fix is out, restart before the limit: the forecast says by when.",
    ),
)
_NATIVE = Advice(
    "Native leak",
    "Memory grows outside the managed heap: what the profiler of the language sees does not explain it.",
    (
        "Suspect C extensions, cgo, image, compression and TLS libraries, and buffers that are freed by hand.",
        "Turn on the native sampler in the agent, or jemalloc's or tcmalloc's heap profile, to see who calls malloc.",
        "Look at mapped files and thread stacks in the waterfall: both can look like a native leak.",
        "Until a fix is out, restart before the limit: the forecast says by when.",
    ),
)
_RESOURCE = Advice(
    "Resource leak",
    "Threads, file descriptors or goroutines pile up, and each carries memory with it.",
    (
        "Open the suspects: they name where the waiting ones were started.",
        (
            "Look for a send or receive on a channel nobody serves, a connection without a deadline, "
            "a response body that is not closed."
        ),
        "Give every wait a deadline and every start an end.",
    ),
)
_FRAGMENTATION = Advice(
    "Fragmentation, no leak",
    "Few live objects pin many half-empty pages: the allocator keeps memory that the program has freed.",
    (
        "Do not look for a leak in the code: live memory does not grow.",
        "Python and C: set MALLOC_ARENA_MAX=2, or use jemalloc; call malloc_trim(0) after large batches.",
        (
            "Keep long-lived and short-lived allocations apart: build caches at the start, "
            "copy small survivors out of large buffers."
        ),
        "Mind the limit all the same: the kernel counts resident pages, not live objects.",
    ),
)
_RETENTION = Advice(
    "Runtime retention, no leak",
    "The runtime holds free memory that it has not given back to the system.",
    (
        "Do not look for a leak in the code: the live heap is flat.",
        (
            "Go before 1.16, or with GODEBUG=madvdontneed=0: set GODEBUG=madvdontneed=1; "
            "freed pages then leave RSS at once."
        ),
        "Go 1.19 or newer: set GOMEMLIMIT to about 90 % of the container's limit.",
        "JVM: set -XX:MaxRAMPercentage, and let G1 give back memory with -XX:G1PeriodicGCInterval.",
        "Mind the limit all the same: the kernel counts resident pages, not live objects.",
    ),
)
_HIGH_WATER = Advice(
    "High-water mark, no leak",
    "A past peak still shows in the resident memory, which does not grow any further.",
    (
        "Find the peak on the time axis and what ran then: a batch, an import, a burst of requests.",
        "Bound the work done at once, or run it in a process of its own that ends.",
    ),
)
ADVICE = {
    "heap_leak": _HEAP,
    "native_leak": _NATIVE,
    "resource_leak": _RESOURCE,
    "fragmentation": _FRAGMENTATION,
    "runtime_retention": _RETENTION,
    "high_water": _HIGH_WATER,
}
INNOCENT_TITLES = {
    "warm_up": "Warming up",
    "load_following": "Follows its load",
    "step": "One step, then flat",
    "spikes": "Spikes that recede",
    "none": "Steady",
}


def advice_for(diagnosis: str) -> Advice:
    """Return the advice for a diagnosis; an unknown one gets its own name and no steps."""
    return ADVICE.get(diagnosis) or Advice(title_of(diagnosis), "", ())


def title_of(diagnosis: str) -> str:
    """Return the diagnosis as a heading."""
    if diagnosis in ADVICE:
        return ADVICE[diagnosis].title
    return INNOCENT_TITLES.get(diagnosis) or diagnosis.replace("_", " ").capitalize()
