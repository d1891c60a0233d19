"""Folded stacks: one line per stack, root first, frames between semicolons, then a value ("main;handle;alloc 4096")."""

import numpy as np

from profiler_server.core.algebra import stack_values
from profiler_server.core.errors import InvalidProfile
from profiler_server.core.profile import Frame, Profile, SampleType, StackTable
from profiler_server.core.stacks import Rows, offsets_of, unique_rows
from profiler_server.core.validate import DEFAULT_LIMITS, ProfileLimits, check_profile

_INT64_DIGITS = 19


def encode(profile: Profile, sample_type: str = "") -> str:
    """Return one sample type as folded text, sorted; semicolons and line breaks in names become ":" and a space.

    Only functions are kept, not files and lines, as flamegraph.pl and its kin expect.
    """
    names = [_clean(frame.function) for frame in profile.stacks.frames]
    sums: dict[str, int] = {}
    for i, value in enumerate(stack_values(profile, sample_type).tolist()):
        if value:
            ids = profile.stacks.frame_ids[profile.stacks.offsets[i] : profile.stacks.offsets[i + 1]]
            stack = ";".join(names[frame] for frame in reversed(ids.tolist()))
            sums[stack] = sums.get(stack, 0) + value
    return "".join(f"{stack} {value}\n" for stack, value in sorted(sums.items()) if value)


def decode(body: bytes, sample_type: SampleType, limits: ProfileLimits = DEFAULT_LIMITS) -> Profile:
    """Return the profile of a folded text, whose values are of `sample_type`.

    Raises `InvalidProfile`, naming the line, when one has no stack or no whole number at its end, and
    `LimitExceeded` beyond one of the limits.
    """
    limits.check("unpacked_bytes", len(body))
    frames: dict[str, int] = {}
    depths: list[int] = []
    flat: list[int] = []
    values: list[int] = []
    for number, line in enumerate(
        body.decode("utf-8", "replace").replace("\0", "\ufffd").split("\n"), start=1
    ):
        if not line.strip():
            continue
        stack, _, amount = line.rstrip().rpartition(" ")
        names = [name for name in stack.strip().split(";") if name]
        values.append(_whole_number(amount, number))
        depths.append(len(names))
        flat.extend(frames.setdefault(name, len(frames)) for name in reversed(names))
        limits.check("samples", len(values))
        limits.check("stack_frames", len(flat))
    rows = Rows(offsets_of(np.array(depths, np.int32)), np.array(flat, np.int32))
    unique, stack_ids = unique_rows(rows)
    profile = Profile(
        sample_types=(sample_type,),
        stacks=StackTable(tuple(map(Frame, frames)), unique.offsets, unique.flat.astype(np.int32)),
        stack_ids=stack_ids,
        values=np.array(values, np.int64).reshape(len(values), 1),
        labels=((),),
        label_ids=np.zeros(len(values), np.int32),
    )
    return check_profile(profile, limits)


def _clean(name: str) -> str:
    return " ".join(name.replace(";", ":").split()) or "[unknown]"


def _whole_number(text: str, line: int) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _INT64_DIGITS):
        raise InvalidProfile(f"Line {line} does not end in a whole number.")
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise InvalidProfile(f"The value in line {line} is too large.")
    return value
