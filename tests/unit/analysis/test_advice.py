"""What a person is told to do next, by diagnosis."""

from __future__ import annotations

import pytest

from profiler_server.analysis.advice import next_steps

WITH_A_FINDING = (
    "heap_leak",
    "native_leak",
    "resource_leak",
    "fragmentation",
    "runtime_retention",
    "high_water",
)


@pytest.mark.parametrize("diagnosis", WITH_A_FINDING)
def test_every_diagnosis_that_becomes_a_finding_has_steps(diagnosis: str) -> None:
    assert len(next_steps(diagnosis)) >= 3


def test_a_healthy_service_needs_nothing() -> None:
    assert next_steps("load_following") == ()


def test_growth_has_the_colour_that_the_comparison_draws_it_in() -> None:
    words = " ".join(next_steps("heap_leak"))
    assert "orange" in words
    assert " red" not in words
