"""Profiles from a few words."""

from __future__ import annotations

import numpy as np

from profiler_server.core.profile import Frame, Profile, SampleType, StackTable
from profiler_server.core.stacks import offsets_of

INUSE_SPACE = SampleType("inuse_space", "bytes")


def a_profile(stacks: dict[str, int], kind: SampleType = INUSE_SPACE) -> Profile:
    """Return a profile of stacks written root first ("main;handle;alloc"), each with its value."""
    frames: dict[Frame, int] = {}
    leaf_first = [[Frame(name, "main.go", 1) for name in reversed(stack.split(";"))] for stack in stacks]
    flat = [frames.setdefault(frame, len(frames)) for stack in leaf_first for frame in stack]
    lengths = np.array([len(stack) for stack in leaf_first], np.int32)
    return Profile(
        sample_types=(kind,),
        stacks=StackTable(tuple(frames), offsets_of(lengths), np.array(flat, np.int32)),
        stack_ids=np.arange(len(stacks), dtype=np.int32),
        values=np.array(list(stacks.values()), np.int64).reshape(len(stacks), 1),
        labels=((),),
        label_ids=np.zeros(len(stacks), np.int32),
    )
