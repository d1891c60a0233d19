"""The profile as the whole product sees it: unique stacks in flat arrays, samples as indices and values.

A `Profile` is immutable by agreement: its arrays are never written after construction. Two profiles are equal
when they say the same, however each numbers its stacks, frames and label sets.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.signedinteger]
Int32Array: TypeAlias = npt.NDArray[np.int32]
Int64Array: TypeAlias = npt.NDArray[np.int64]
UInt64Array: TypeAlias = npt.NDArray[np.uint64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

Label: TypeAlias = tuple[str, str | int]
LabelSet: TypeAlias = tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class SampleType:
    """What one column of values counts, such as ("inuse_space", "bytes")."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One logical frame; inlined frames are separate frames. `line` 0 means unknown."""

    function: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, eq=False)
class StackTable:
    """Unique stacks, compressed by rows, each LEAF FIRST.

    Stack i is ``frames[frame_ids[offsets[i]:offsets[i + 1]]]``; `offsets` is int32[n_stacks + 1] and begins
    with 0, `frame_ids` is int32[offsets[-1]]. An empty stack is legal (a sample without a location).
    """

    frames: tuple[Frame, ...]
    offsets: Int32Array
    frame_ids: Int32Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def stack(self, index: int) -> tuple[Frame, ...]:
        """Return the frames of one stack, leaf first."""
        ids = self.frame_ids[self.offsets[index] : self.offsets[index + 1]]
        return tuple(self.frames[i] for i in ids.tolist())

    def depths(self) -> Int32Array:
        """Return int32[n_stacks], the number of frames of each stack."""
        return np.diff(self.offsets).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Profile:
    """Values per (stack, label set); see the module for the rules of comparison.

    `stack_ids` int32[n] indexes `stacks`, `values` is int64[n, n_types], `label_ids` int32[n] indexes the
    distinct label sets in `labels`. Several samples may share a stack and a label set; their values add up.
    `default_sample_type` is the *name* of one of `sample_types` or "" (which means the last one).
    """

    sample_types: tuple[SampleType, ...]
    stacks: StackTable
    stack_ids: Int32Array
    values: Int64Array
    labels: tuple[LabelSet, ...]
    label_ids: Int32Array
    time_ns: int = 0
    duration_ns: int = 0
    period_type: SampleType | None = None
    period: int = 0
    default_sample_type: str = ""

    def __len__(self) -> int:
        return len(self.stack_ids)

    def contents(self) -> dict[tuple[tuple[Frame, ...], LabelSet], tuple[int, ...]]:
        """Return the values by (frames leaf first, label set); samples without any value are left out."""
        sums: dict[tuple[int, int], list[int]] = {}
        keys = zip(self.stack_ids.tolist(), self.label_ids.tolist(), strict=True)
        for key, row in zip(keys, self.values.tolist(), strict=True):
            known = sums.setdefault(key, [0] * len(row))
            sums[key] = [a + b for a, b in zip(known, row, strict=True)]
        found: dict[tuple[tuple[Frame, ...], LabelSet], tuple[int, ...]] = {}
        for (stack, labels), row in sums.items():
            name = (self.stacks.stack(stack), tuple(sorted(self.labels[labels], key=repr)))
            known = list(found.get(name, (0,) * len(row)))
            found[name] = tuple(a + b for a, b in zip(known, row, strict=True))
        return {name: row for name, row in found.items() if any(row)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        return self._header() == other._header() and self.contents() == other.contents()

    __hash__ = None  # type: ignore[assignment]

    def _header(self) -> tuple[object, ...]:
        times = (self.time_ns, self.duration_ns)
        return (*times, self.sample_types, self.period_type, self.period, self.default_sample_type)


def empty_stacks() -> StackTable:
    """Return a table without stacks."""
    return StackTable((), np.zeros(1, np.int32), np.zeros(0, np.int32))
