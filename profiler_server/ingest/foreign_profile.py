"""A foreign client's profile: is it one of memory, and under which names does Plimsoll keep its values?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from profiler_server.codecs import engine, pprof
from profiler_server.codecs.compression import unpack
from profiler_server.core.profile import Profile, SampleType
from profiler_server.core.validate import DEFAULT_LIMITS

KEPT = frozenset({"inuse_space", "inuse_objects", "alloc_space", "alloc_objects"})
RENAMED = {
    SampleType("space", "bytes"): SampleType("inuse_space", "bytes"),
    SampleType("objects", "count"): SampleType("inuse_objects", "count"),
    SampleType("heap-space", "bytes"): SampleType("inuse_space", "bytes"),
    SampleType("heap-live-samples", "count"): SampleType("inuse_objects", "count"),
    SampleType("alloc-space", "bytes"): SampleType("alloc_space", "bytes"),
    SampleType("alloc-samples", "count"): SampleType("alloc_objects", "count"),
}


def heap_profile(body: bytes, cumulative_types: frozenset[str], *, interval: timedelta) -> Profile | None:
    """Return the profile under the kept names, or None when it counts something other than memory.

    `cumulative_types` are those that the client calls running totals; all others are taken for the increases of
    `interval`, which is what Pyroscope's clients send: the profile's duration says which of the two it is. Raises
    `InvalidProfile` and `LimitExceeded` as the codec does.
    """
    plain = unpack(body, DEFAULT_LIMITS.unpacked_bytes)
    sent = engine.PARSER.parse(plain, DEFAULT_LIMITS, symbols=False).sample_type_names(DEFAULT_LIMITS)
    named = tuple(RENAMED.get(kind, kind) for kind in sent)
    names = {kind.name for kind in named}
    if not KEPT.intersection(names):
        return None
    decoded = pprof.decode(plain)
    allocs = {name for name in names if name.startswith("alloc_")}
    span = decoded.duration_ns or max(1, interval // timedelta(microseconds=1) * 1000)
    return replace(
        decoded,
        sample_types=named,
        default_sample_type="",
        duration_ns=0 if not allocs or allocs <= cumulative_types else span,
    )
