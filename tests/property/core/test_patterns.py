"""Patterns mean what Python's own engine says they mean, where both read them."""

from __future__ import annotations

import re
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from profiler_server.core.errors import ProfilerError
from profiler_server.core.patterns import Pattern

ATOMS = st.sampled_from(
    ("a", "b", ".", "[ab]", "[^a]", "[a-c]", r"\w", r"\d", r"\.", "(?:a|b)", "(ab)", "^", "$", "(?:x{2})")
)
REPEATS = st.sampled_from(("", "", "", "*", "+", "?", "{1,2}", "{0,3}", "*?"))
PARTS = st.lists(st.tuples(ATOMS, REPEATS), min_size=1, max_size=4)
PATTERNS = st.lists(PARTS, min_size=1, max_size=3).map(
    lambda branches: "|".join(
        "".join(atom + (repeat if atom not in "^$" else "") for atom, repeat in parts) for parts in branches
    )
)


@given(PATTERNS, st.text("abcx.1\n", max_size=8))
def test_matches_as_the_reference_engine_does(pattern: str, text: str) -> None:
    reference = re.compile(pattern.replace("$", r"\Z"))
    compiled = Pattern.compile(pattern)
    assert compiled.search([text]) == [reference.search(text) is not None]
    assert compiled.fullmatch([text]) == [reference.fullmatch(text) is not None]


@given(st.text("ab\\()[]{}|*+?^$.-,12:i", max_size=30), st.text("ab1", max_size=5))
def test_any_text_is_a_pattern_or_an_error(pattern: str, text: str) -> None:
    with suppress(ProfilerError):
        Pattern.compile(pattern).search([text])
