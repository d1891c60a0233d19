"""One snapshot of the sampler as columns: stacks leaf first, and four sums per stack."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("object", "buffer", "container storage", "numpy buffer")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Unbiased estimates per (stack, kind of memory).

    Row `i` has the frames `frames[frame_ids[j]]` for `j` in `offsets[i]:offsets[i + 1]`, leaf first, each frame being
    (qualified function name, file, line).  `inuse_*` is what lives now of what was allocated while armed;
    `alloc_*` counts since start, and starts at 0 in a forked child.
    """

    frames: list[tuple[str, str, int]]
    offsets: memoryview  # int32[rows + 1]
    frame_ids: memoryview  # int32[offsets[-1]]
    kinds: bytes  # uint8[rows], indexes KINDS
    inuse_objects: memoryview  # int64[rows]
    inuse_bytes: memoryview  # int64[rows]
    alloc_objects: memoryview  # int64[rows]
    alloc_bytes: memoryview  # int64[rows]
    time_ns: int  # since the epoch
    duration_ns: int  # since the sampler was started or resumed
    interval_bytes: int
    held_ns: int  # how long other threads were held up at a stretch while summing

    def __len__(self) -> int:
        return len(self.kinds)

    def stack(self, row: int) -> list[tuple[str, str, int]]:
        """The frames of one row, leaf first."""
        ids = self.frame_ids[self.offsets[row] : self.offsets[row + 1]]
        return [self.frames[i] for i in ids]
