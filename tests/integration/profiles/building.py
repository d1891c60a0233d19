"""Small synthetic profiles: Go's with its own scaling, Python's without addresses."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np

from profiler_server.core.profile import Frame, Int64Array, Profile, SampleType, StackTable

NOW = datetime.now(UTC).replace(microsecond=0)
RATE = 524_288
GO_TYPES = (
    SampleType("alloc_objects", "count"),
    SampleType("alloc_space", "bytes"),
    SampleType("inuse_objects", "count"),
    SampleType("inuse_space", "bytes"),
)
PYTHON_TYPES = (SampleType("inuse_objects", "count"), SampleType("inuse_space", "bytes"))
SIZES = (16, 32, 48, 64, 512, 1024, 4096, 8192, 32_768, 100_000)
MINUTE = timedelta(minutes=1)


def stack_table(stacks: int, seed: int, frames: int = 60) -> StackTable:
    """Return distinct stacks of 2 to 12 frames, the same for the same seed."""
    rng = np.random.default_rng(seed)
    names = tuple(
        Frame(f"pkg{i % 7}.function{i}", f"/src/pkg{i % 7}/file{i % 11}.go", 10 + i) for i in range(frames)
    )
    chosen: dict[tuple[int, ...], None] = {}
    while len(chosen) < stacks:
        chosen[tuple(rng.integers(0, frames, rng.integers(2, 13)).tolist())] = None
    lengths = [len(one) for one in chosen]
    flat = np.concatenate([np.array(one, np.int32) for one in chosen])
    return StackTable(
        names, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32), flat.astype(np.int32)
    )


def go_values(counts: Int64Array, sizes: Int64Array) -> Int64Array:
    """Return what Go's runtime reports for sampled counts int64[n, 2]."""
    rows = []
    for (allocated, inuse), size in zip(counts.tolist(), sizes.tolist(), strict=True):
        scale = 1.0 / (1.0 - math.exp(-float(size) / RATE))
        rows.append([v for n in (allocated, inuse) for v in (int(n * scale), int(float(n * size) * scale))])
    return np.array(rows, np.int64)


def go_profile(seed: int = 0, *, stacks: int = 40, counts: Int64Array | None = None) -> Profile:
    """Return a heap profile as Go's runtime makes them; every stack has one block size."""
    rng = np.random.default_rng(seed)
    table = stack_table(stacks, seed=7)
    labels = tuple((("bytes", size),) for size in SIZES)
    label_ids = np.arange(stacks, dtype=np.int32) % len(SIZES)
    if counts is None:
        inuse = rng.integers(0, 40, stacks)
        counts = np.stack([inuse + rng.integers(0, 400, stacks), inuse], axis=1)
    values = go_values(counts, np.array(SIZES)[label_ids])
    return Profile(
        GO_TYPES, table, np.arange(stacks, dtype=np.int32), values, labels, label_ids,
        period_type=SampleType("space", "bytes"), period=RATE,
    )  # fmt: skip


def python_profile(seed: int = 0, *, stacks: int = 30, values: Int64Array | None = None) -> Profile:
    """Return a heap profile as the Python agent makes them: no addresses, verbatim values."""
    rng = np.random.default_rng(seed)
    if values is None:
        counts = rng.integers(1, 500, stacks)
        values = np.stack([counts, counts * rng.integers(30, 3_000, stacks)], axis=1)
    ids = np.arange(stacks, dtype=np.int32)
    return Profile(PYTHON_TYPES, stack_table(stacks, seed=11), ids, values, ((),), np.zeros(stacks, np.int32))


def comparable(profile: Profile) -> Counter[tuple[object, ...]]:
    """Return the profile's non-zero samples as a bag that does not depend on numbering."""
    bag: Counter[tuple[object, ...]] = Counter()
    for stack, label, values in zip(
        profile.stack_ids.tolist(), profile.label_ids.tolist(), profile.values.tolist(), strict=True
    ):
        if any(values):
            bag[(profile.stacks.stack(stack), profile.labels[label], tuple(values))] += 1
    return bag
