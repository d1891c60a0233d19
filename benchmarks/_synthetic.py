"""A synthetic Go service of 2,000 call sites: bodies as Go's runtime writes them, or their values alone.

Chosen to resemble a mid-sized Go program: stacks of about 19 frames from 3,000 locations that share their outer frames,
two size classes in three, unpacked ids for short stacks, mappings with a build id. Between two profiles `CHANGING` of
the sites allocate and free: the counts of a sampled heap at 512 KiB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from profiler_server.codecs.compression import pack
from profiler_server.codecs.pprof_writer import ProtoWriter, StringTable
from profiler_server.core.profile import Frame, Int64Array, SampleType, StackTable

RATE = 524_288
CHANGING = 0.25
SIZES = (16, 24, 32, 48, 64, 96, 128, 208, 512, 1024, 2048, 4096, 8192, 16384, 32768)
TYPES = (
    SampleType("alloc_objects", "count"),
    SampleType("alloc_space", "bytes"),
    SampleType("inuse_objects", "count"),
    SampleType("inuse_space", "bytes"),
)
ROOTS, LOCATIONS, MEAN_OWN_FRAMES = 60, 3_000, 8


@dataclass(frozen=True, eq=False)
class GoService:
    """Its stacks (leaf first), their block sizes int64[n], and the address of each location."""

    stacks: StackTable
    sizes: Int64Array
    addresses: Int64Array

    def counts(self, seed: int, profiles: int) -> Iterator[Int64Array]:
        """Yield sampled counts int64[n, 2] (allocated, in use) of one instance, profile by profile."""
        rng = np.random.default_rng(seed)
        sites = len(self.sizes)
        rate = rng.lognormal(0.0, 1.0, sites)
        allocated = rng.poisson(rate * 40) + 1
        inuse = np.minimum(allocated, rng.poisson(rate * 3))
        for _ in range(profiles):
            busy = rng.random(sites) < CHANGING
            allocated = allocated + busy * (rng.poisson(rate, sites) + 1)
            inuse = np.clip(inuse + busy * rng.integers(-2, 3, sites), 0, allocated)
            yield np.stack([allocated, inuse], axis=1).astype(np.int64)

    def values(self, counts: Int64Array) -> Int64Array:
        """Return what the runtime reports, int64[n, 4]."""
        scale = np.array([1.0 / (1.0 - math.exp(-size / RATE)) for size in self.sizes.tolist()])
        found = np.empty((len(counts), 4), np.int64)
        for i in (0, 1):
            found[:, 2 * i] = (counts[:, i] * scale).astype(np.int64)
            found[:, 2 * i + 1] = (counts[:, i].astype(np.float64) * self.sizes * scale).astype(np.int64)
        return found

    def body(self, counts: Int64Array) -> bytes:
        """Return a gzip'd pprof body."""
        strings, out = StringTable(), ProtoWriter()
        for kind in TYPES:
            out.message(1, _pair(strings, kind))
        bytes_label = strings.index("bytes")
        rows = zip(self.values(counts).tolist(), self.sizes.tolist(), strict=True)
        offsets, flat = self.stacks.offsets.tolist(), (self.stacks.frame_ids + 1).tolist()
        for i, (values, size) in enumerate(rows):
            sample, label = ProtoWriter(), ProtoWriter()
            sample.packed(1, flat[offsets[i] : offsets[i + 1]])
            sample.packed(2, values)
            label.integer(1, bytes_label)
            label.integer(3, size)
            sample.message(3, label.content())
            out.message(2, sample.content())
        self._write_frames(strings, out)
        tail = ProtoWriter()
        tail.message(11, _pair(strings, SampleType("space", "bytes")))
        tail.integer(12, RATE)
        for text in strings.texts:
            out.text(6, text)
        return pack(out.content() + tail.content())

    def _write_frames(self, strings: StringTable, out: ProtoWriter) -> None:
        mapping = ProtoWriter()
        for field, value in ((1, 1), (2, 0x400000), (3, 0x1C00000), (5, strings.index("/app/server"))):
            mapping.integer(field, value)
        mapping.integer(6, strings.index("5f1c2b7a9d"))
        out.message(3, mapping.content())
        for number, (frame, address) in enumerate(
            zip(self.stacks.frames, self.addresses.tolist(), strict=True), 1
        ):
            line, location, function = ProtoWriter(), ProtoWriter(), ProtoWriter()
            line.integer(1, number)
            line.integer(2, frame.line)
            for field, value in ((1, number), (2, 1), (3, address)):
                location.integer(field, value)
            location.message(4, line.content())
            out.message(4, location.content())
            name = strings.index(frame.function)
            for field, value in ((1, number), (2, name), (3, name), (4, strings.index(frame.file))):
                function.integer(field, value)
            out.message(5, function.content())


def go_service(sites: int = 2_000, seed: int = 1) -> GoService:
    """Return a service; the same arguments give the same one."""
    rng = np.random.default_rng(seed)
    frames = tuple(
        Frame(
            f"github.com/acme/shop/internal/{_WORDS[i % 31]}.(*{_WORDS[i % 29].title()}).{_WORDS[i % 23].title()}{i}",
            f"/go/src/github.com/acme/shop/internal/{_WORDS[i % 31]}/{_WORDS[i % 17]}.go",
            20 + i % 900,
        )
        for i in range(LOCATIONS)
    )
    outer = [rng.integers(0, LOCATIONS, rng.integers(6, 16)) for _ in range(ROOTS)]
    stacks: dict[tuple[int, ...], None] = {}
    while len(stacks) < sites:
        own = rng.integers(0, LOCATIONS, 1 + rng.poisson(MEAN_OWN_FRAMES))
        stacks[tuple(np.concatenate([own, outer[rng.integers(ROOTS)]]).tolist())] = None
    lengths = np.array([len(stack) for stack in stacks])
    flat = np.concatenate([np.array(stack) for stack in stacks]).astype(np.int32)
    table = StackTable(frames, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32), flat)
    sizes = np.array(SIZES, np.int64)[rng.integers(0, len(SIZES), sites)]
    return GoService(table, sizes, np.sort(rng.choice(0x1800000, LOCATIONS, replace=False)) + 0x401000)


def _pair(strings: StringTable, kind: SampleType) -> bytes:
    out = ProtoWriter()
    out.integer(1, strings.index(kind.name))
    out.integer(2, strings.index(kind.unit))
    return out.content()


_WORDS = [
    "cart",
    "order",
    "price",
    "stock",
    "cache",
    "route",
    "query",
    "batch",
    "fetch",
    "parse",
    "store",
    "index",
    "merge",
    "token",
    "quota",
    "event",
    "queue",
    "trace",
    "retry",
    "codec",
    "proto",
    "shard",
    "claim",
    "lease",
    "audit",
    "vault",
    "media",
    "topic",
    "frame",
    "delta",
    "scope",
]
