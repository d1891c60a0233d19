"""The laws of folded stacks, speedscope and flamebearer: what they say is what the profile says."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from profiler_server.codecs import flamebearer, folded, speedscope
from profiler_server.core.algebra import stack_values
from profiler_server.core.errors import ProfilerError
from profiler_server.core.profile import Profile, SampleType
from profiler_server.core.tree import FlameTree, diff_tree, flame_tree
from tests.property.core.profiles import AMOUNTS, profiles

SPACE = SampleType("inuse_space", "bytes")


@given(profiles())
def test_folded_text_reads_back(profile: Profile) -> None:
    text = folded.encode(profile, "inuse_space")
    again = folded.decode(text.encode(), SPACE)
    assert folded.encode(again) == text
    assert again.values.sum() == profile.values[:, 1].sum()


@given(st.binary(max_size=100))
def test_any_text_gives_a_profile_or_an_error(body: bytes) -> None:
    with suppress(ProfilerError):
        found = folded.decode(body, SPACE)
        assert folded.decode(folded.encode(found).encode(), SPACE).values.sum() == found.values.sum()


@given(profiles(AMOUNTS))
def test_speedscope_has_every_weight(profile: Profile) -> None:
    content = json.loads(speedscope.encode(profile, "x"))
    for kind, written in zip(profile.sample_types, content["profiles"], strict=True):
        assert sum(written["weights"]) == written["endValue"] == stack_values(profile, kind.name).sum()
        assert all(
            frame < len(content["shared"]["frames"]) for stack in written["samples"] for frame in stack
        )


def intervals(levels: list[list[int]], width: int, first: int) -> list[list[tuple[int, int, int]]]:
    """Return (begin, end, self) of every node, level by level, from the offsets of one side."""
    found = []
    for level in levels:
        row, at = [], 0
        for i in range(0, len(level), width):
            offset, total, own = level[i + first : i + first + 3]
            row.append((at + offset, at + offset + total, own))
            at += offset + total
        found.append(row)
    return found


def check_graph(tree: FlameTree, levels: list[list[tuple[int, int, int]]], total: int) -> None:
    """Nodes of a level do not overlap, and each lies within one of the level above."""
    assert levels[0] == [(0, total, levels[0][0][2])]
    assert sum(map(len, levels)) == len(tree)
    for above, below in pairwise(levels):
        assert all(a[1] <= b[0] for a, b in pairwise(below))
        assert all(any(outer[0] <= node[0] and node[1] <= outer[1] for outer in above) for node in below)


@given(profiles(AMOUNTS), profiles(AMOUNTS))
def test_flamebearer_levels_fit_into_each_other(current: Profile, baseline: Profile) -> None:
    single, double = flame_tree(current, "inuse_space"), diff_tree(current, baseline, "inuse_space")
    content = json.loads(flamebearer.encode(single))
    levels = content["flamebearer"]["levels"]
    assert levels[0] == [0, int(single.value[0]), int(single.self_value[0]), int(single.name_id[0])]
    assert content["flamebearer"]["names"][levels[0][3]] == "total"
    check_graph(single, intervals(levels, 4, 0), int(single.value[0]))
    content = json.loads(flamebearer.encode(double))
    levels = content["flamebearer"]["levels"]
    before, after = int(baseline.values[:, 1].sum()), int(current.values[:, 1].sum())
    assert (content["leftTicks"], content["rightTicks"]) == (before, after)
    check_graph(double, intervals(levels, 7, 0), before)
    check_graph(double, intervals(levels, 7, 3), after)
