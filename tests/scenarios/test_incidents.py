"""Incidents lived through the whole product, live with Go and from recordings: pushes, verdicts, mails."""

from __future__ import annotations

import shutil

import pytest

from tests.scenarios.plays import Company

pytestmark = pytest.mark.scenario
WITH_GO = shutil.which("go") is not None


def test_every_recording_is_judged_right(company: Company) -> None:
    said = company.said("recordings")
    assert said.count("right  ") == 12
    assert "WRONG" not in said


@pytest.mark.parametrize("play", ["incident-1", "incident-1-recorded"])
def test_the_library_that_leaks_contexts_is_named_with_its_release_and_its_cure(
    company: Company, play: str
) -> None:
    said = company.said(play)
    assert "began in    r42" in said
    assert "cured by    r43" in said
    assert ("r43 is released" in said) == (WITH_GO and play == "incident-1")


@pytest.mark.parametrize("play", ["incident-2", "incident-2-recorded"])
def test_what_the_runtime_holds_is_no_leak_and_its_setting_is_named(company: Company, play: str) -> None:
    said = company.said(play)
    assert "No leak: runtime retention" in said
    assert "GODEBUG=madvdontneed=1" in said
    assert ("released v2" in said) == (WITH_GO and play == "incident-2")


@pytest.mark.parametrize("play", ["incident-3", "incident-3-recorded"])
def test_the_parser_is_blamed_and_its_python_twins_holder_is_named(company: Company, play: str) -> None:
    said = company.said(play)
    assert "parseContainerMetricsResponse" in said
    assert "REGISTRY: dict" in said


def test_the_extra_40_ms_are_between_the_calls(company: Company) -> None:
    said = company.said("incident-4")
    assert "audio.copy_frames.between_ms" in said
    assert "everything was seen" in said
