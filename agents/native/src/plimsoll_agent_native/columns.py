"""One snapshot of the sampler as columns: stacks leaf first, and four sums per stack."""

from __future__ import annotations

import time
from typing import cast

KINDS = ("object", "buffer", "container storage", "numpy buffer")


class Snapshot:
    """Unbiased estimates per (stack, kind of memory).

    Row `i` has the frames `frames[frame_ids[j]]` for `j` in `offsets[i]:offsets[i + 1]`, leaf first, each frame being
    (qualified function name, file, line).  `inuse_*` is what lives now of what was allocated while armed;
    `alloc_*` counts since start, and starts at 0 in a forked child.

    `offsets` is int32[rows + 1], `frame_ids` int32[offsets[-1]], `kinds` uint8[rows] into KINDS, the four sums
    int64[rows].  `duration_ns` runs since the sampler was started or resumed; `held_ns` says how long other threads
    were held up at a stretch while summing.
    """

    __slots__ = (
        "alloc_bytes",
        "alloc_objects",
        "duration_ns",
        "frame_ids",
        "frames",
        "held_ns",
        "interval_bytes",
        "inuse_bytes",
        "inuse_objects",
        "kinds",
        "offsets",
        "time_ns",
    )

    def __init__(self, columns: dict[str, object], *, duration_ns: int, interval_bytes: int) -> None:
        self.frames = cast("list[tuple[str, str, int]]", columns["frames"])
        self.kinds = cast("bytes", columns["kinds"])
        self.held_ns = cast("int", columns["held_ns"])
        self.offsets = memoryview(cast("bytes", columns["offsets"])).cast("i")
        self.frame_ids = memoryview(cast("bytes", columns["frame_ids"])).cast("i")
        self.inuse_objects = memoryview(cast("bytes", columns["inuse_objects"])).cast("q")
        self.inuse_bytes = memoryview(cast("bytes", columns["inuse_bytes"])).cast("q")
        self.alloc_objects = memoryview(cast("bytes", columns["alloc_objects"])).cast("q")
        self.alloc_bytes = memoryview(cast("bytes", columns["alloc_bytes"])).cast("q")
        self.time_ns = time.time_ns()
        self.duration_ns = duration_ns
        self.interval_bytes = interval_bytes

    def __len__(self) -> int:
        return len(self.kinds)

    def stack(self, row: int) -> list[tuple[str, str, int]]:
        """The frames of one row, leaf first."""
        ids = self.frame_ids[self.offsets[row] : self.offsets[row + 1]]
        return [self.frames[i] for i in ids]
