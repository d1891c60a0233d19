"""Hypothesis strategies of profiles: few names, so that frames, stacks and labels repeat, and odd ones among them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from profiler_server.core.profile import Frame, LabelSet, Profile, SampleType, StackTable
from profiler_server.core.stacks import offsets_of

HEAP_TYPES = (SampleType("inuse_objects", "count"), SampleType("inuse_space", "bytes"))

NAMES = st.sampled_from(("main", "a", "b", "pkg.Func", "(*T).Run", "λ", "[lib.so] 0x1f"))
FILES = st.sampled_from(("", "main.go", "/usr/lib/python3.11/site-packages/numpy/core.py", "src/a.rs"))
FRAMES = st.builds(Frame, NAMES, FILES, st.integers(0, 3))
STACKS = st.lists(FRAMES, max_size=5).map(tuple)
LABELS: st.SearchStrategy[LabelSet] = st.lists(
    st.one_of(
        st.tuples(st.just("bytes"), st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.sampled_from(("thread", "tenant")), st.text("xyz", min_size=1, max_size=2)),
    ),
    max_size=2,
    unique_by=lambda label: label[0],
).map(lambda labels: tuple(sorted(labels, key=repr)))
VALUES = st.integers(-(2**40), 2**40)
AMOUNTS = st.integers(0, 2**40)


@st.composite
def profiles(draw: st.DrawFn, values: st.SearchStrategy[int] = VALUES) -> Profile:
    """A valid profile with the heap's two types; its table may repeat frames and hold stacks that no sample uses."""
    stacks = draw(st.lists(STACKS, max_size=6))
    labels = (*draw(st.lists(LABELS, max_size=3, unique=True)), ())
    count = draw(st.integers(0, 8)) if stacks else 0
    return Profile(
        sample_types=HEAP_TYPES,
        stacks=a_table(stacks),
        stack_ids=np.array(draw(_indices(count, len(stacks))), np.int32),
        values=np.array(draw(st.lists(values, min_size=2 * count, max_size=2 * count)), np.int64).reshape(
            count, 2
        ),
        labels=labels,
        label_ids=np.array(draw(_indices(count, len(labels))), np.int32),
        time_ns=draw(st.integers(0, 2**62)),
        duration_ns=draw(st.integers(0, 2**40)),
        period_type=draw(st.sampled_from((None, SampleType("space", "bytes")))),
        period=draw(st.integers(0, 2**20)),
        default_sample_type=draw(st.sampled_from(("", "inuse_space", "inuse_objects"))),
    )


def a_table(stacks: list[tuple[Frame, ...]]) -> StackTable:
    """Return a table with these stacks in this order, leaf first, and a frame for every mention."""
    flat = [frame for stack in stacks for frame in stack]
    offsets = offsets_of(np.array([len(stack) for stack in stacks], np.int32))
    return StackTable(tuple(flat), offsets, np.arange(len(flat), dtype=np.int32))


def _indices(count: int, size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, max(size - 1, 0)), min_size=count, max_size=count)
