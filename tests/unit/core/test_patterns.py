"""Patterns of strangers: what is read, what is refused, and that nothing takes long."""

from __future__ import annotations

import time

import pytest

from profiler_server.core.errors import LimitExceeded, ProfilerError, UnsupportedFormat
from profiler_server.core.patterns import MAX_PATTERN_LENGTH, Pattern


def test_search_looks_anywhere_and_fullmatch_at_the_whole() -> None:
    pattern = Pattern.compile(r"std::.*|malloc")
    assert pattern.search(["my malloc_x", "std::vector", "free"]) == [True, True, False]
    assert pattern.fullmatch(["my malloc_x", "std::vector", "malloc"]) == [False, True, True]


def test_case_is_folded_on_request() -> None:
    assert Pattern.compile("(?i)MALLOC").search(["Malloc"]) == [True]
    assert Pattern.compile("MALLOC").search(["malloc"]) == [False]


@pytest.mark.parametrize(
    "text", [r"[]a]", r"[^\]]x", r"[a\-c]", r"a{,3}", r"x{2,}", r"\Aab\z", r"\$\.\t", "[a-]"]
)
def test_odd_syntax_is_read(text: str) -> None:
    Pattern.compile(text)


@pytest.mark.parametrize(
    "text",
    ["(", ")", "a)", "*a", "a**", "a+*", "(?=a)", "(?P<n>a)", r"\b", "[a", "[[:alpha:]]", "\\", "a{3,2}"],
)
def test_other_syntax_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedFormat):
        Pattern.compile(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * (MAX_PATTERN_LENGTH + 1),
        "(" * 200 + ")" * 200,
        "a{1001}",
        "(?:(?:a{1000}){1000}){1000}",
        "(?:(?:(?:){1000}){1000}){1000}",
    ],
    ids=["long", "nested", "repeated", "multiplied", "nothing multiplied"],
)
def test_bounds(text: str) -> None:
    with pytest.raises(LimitExceeded):
        Pattern.compile(text)


@pytest.mark.parametrize("text", ["(a*)*(a*)*b", "(a|a|aa)+$", "(?:a?){500}a{500}", "(.*a){9}.{900}b"])
def test_hostile_patterns_end_soon(text: str) -> None:
    began = time.process_time()
    try:
        Pattern.compile(text).search(["ab" * 2000 + str(i) for i in range(50)])
    except ProfilerError as error:
        assert isinstance(error, LimitExceeded)  # noqa: PT017
    assert time.process_time() - began < 5
