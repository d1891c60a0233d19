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
@pytest.mark.parametrize("language", ["", "python", "Go", "java", "cpp"])
def test_every_diagnosis_that_becomes_a_finding_has_steps(diagnosis: str, language: str) -> None:
    assert len(next_steps(diagnosis, language=language)) >= 3


@pytest.mark.parametrize("diagnosis", WITH_A_FINDING)
@pytest.mark.parametrize(
    ("language", "foreign"),
    [("python", ("GODEBUG", "-Xmx", "jcmd")), ("cpp", ("GODEBUG", "-Xmx", "memray", "jcmd"))],
)
def test_the_steps_name_no_other_runtimes_tools(
    diagnosis: str, language: str, foreign: tuple[str, ...]
) -> None:
    words = " ".join(next_steps(diagnosis, language=language))
    assert not [word for word in foreign if word in words]


def test_what_piles_up_chooses_the_tool() -> None:
    tools = {"fds": "lsof", "threads": "py-spy", "goroutines": "pprof/goroutine"}
    for signal, tool in tools.items():
        assert tool in " ".join(next_steps("resource_leak", signal=signal))


def test_without_an_accused_call_site_nobody_is_sent_to_look_at_it() -> None:
    words = " ".join(next_steps("heap_leak", is_named=False))
    assert "suspect" not in words
    assert "send heap profiles" in words


def test_a_healthy_service_needs_nothing() -> None:
    assert next_steps("load_following") == ()


def test_growth_has_the_colour_that_the_comparison_draws_it_in() -> None:
    words = " ".join(next_steps("heap_leak"))
    assert "orange" in words
    assert " red" not in words
