"""A few of the made-up services, whole: what the families' benchmark does at length."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.families.catalogue import FAMILIES
from benchmarks.families.judging import judged, make, table, write
from profiler_server.analysis.recordings import load_recording


@pytest.mark.parametrize("family", ["canary", "fixed"])
def test_a_leak_is_found_with_its_release(family: str) -> None:
    label, line = judged((family, True, 1))
    assert line["verdict"] == label["verdict"] == "leak"
    assert line["diagnosis"] in label["diagnosis_accept"]
    assert line["detected_at"] > label["leak_start_ts"]
    assert line["version"] == label["version"]


def test_a_leak_that_a_release_fixed_is_over_within_hours() -> None:
    label, line = judged(("fixed", True, 2))
    assert line["cured_by_version"] == "v2"
    assert line["alerts"] == [line["detected_at"]]
    assert line["version"] == label["version"]


@pytest.mark.parametrize("family", ["rss_alone", "page_cache", "autoscaling"])
def test_a_healthy_service_stays_quiet(family: str) -> None:
    _, line = judged((family, False, 3))
    assert line["detected_at"] is None


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    task = ("gaps", True, 2)
    recording, label = make(task)
    write(tmp_path, task)
    loaded = load_recording(tmp_path / "traces" / recording.name)
    assert loaded.problems == ()
    assert [len(life.ts) for life in loaded.recording.lives] == [len(life.ts) for life in recording.lives]
    assert json.loads((tmp_path / "labels" / f"{recording.name}.json").read_text()) == label


def test_every_family_makes_both_kinds_and_the_table_names_it() -> None:
    lines = []
    for family in FAMILIES:
        for leaks in (True, False):
            _, label = make((family, leaks, 1))
            assert label["verdict"] == ("leak" if leaks else "healthy")
            assert label["instance_days"] > 0
            lines.append((label, {"trace": label["name"], "verdict": "healthy", "detected_at": None}))
    shown = table(lines)
    assert all(f"| {family} | 2 |" in shown for family in FAMILIES)
