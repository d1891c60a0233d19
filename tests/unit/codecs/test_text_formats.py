"""Folded stacks and speedscope: what is refused, and how odd names are written."""

from __future__ import annotations

import json

import pytest

from profiler_server.codecs import folded, speedscope
from profiler_server.core.algebra import scale
from profiler_server.core.errors import IncompatibleProfiles, InvalidProfile, LimitExceeded
from profiler_server.core.profile import SampleType
from profiler_server.core.validate import ProfileLimits
from tests.unit.core.building import a_profile

SPACE = SampleType("inuse_space", "bytes")


def test_folded_stacks_are_sorted_and_root_first() -> None:
    profile = a_profile({"main;b": 2, "main;a c": 1, "main;zero": 0})
    assert folded.encode(profile) == "main;a c 1\nmain;b 2\n"
    again = folded.decode(b"main;b 2\nmain;a c 1\n\nmain;b 3\r\n", SPACE)
    assert again == folded.decode(b"main;a c 1\nmain;b 5\n", SPACE)


def test_names_that_would_break_the_format_are_changed() -> None:
    assert folded.encode(a_profile({"a\nb": 1, " ": 2})) == "[unknown] 2\na b 1\n"


@pytest.mark.parametrize(
    "line", ["main;a", "main;a x", "main;a 1.5", "main;a ٣", "main;a 99999999999999999999", "main -"]
)
def test_a_line_without_a_whole_number_is_refused(line: str) -> None:
    with pytest.raises(InvalidProfile, match="ine 2"):
        folded.decode(f"main 1\n{line}\n".encode(), SPACE)


def test_the_smallest_and_largest_numbers_are_told_from_those_beyond() -> None:
    with pytest.raises(InvalidProfile, match="too large"):
        folded.decode(f"a {2**63}".encode(), SPACE)


@pytest.mark.parametrize(
    "limits",
    [ProfileLimits(samples=1), ProfileLimits(stack_frames=2), ProfileLimits(unpacked_bytes=5)],
    ids=str,
)
def test_folded_bounds(limits: ProfileLimits) -> None:
    with pytest.raises(LimitExceeded):
        folded.decode(b"a;b 1\na;c 2\n", SPACE, limits)


def test_speedscope_refuses_a_comparison_and_opens_at_the_default() -> None:
    profile = a_profile({"main;a": 1})
    content = json.loads(speedscope.encode(profile, "shop"))
    assert (content["name"], content["activeProfileIndex"], content["profiles"][0]["unit"]) == (
        "shop",
        0,
        "bytes",
    )
    with pytest.raises(IncompatibleProfiles):
        speedscope.encode(scale(profile, -1))
