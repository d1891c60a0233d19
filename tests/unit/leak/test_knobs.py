"""The docs explain every knob."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from benchmarks.knobs import knobs, table
from profiler_server.core.leak.config import DetectorConfig

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "detection.md"


def test_every_knob_has_a_meaning_and_stands_in_the_docs() -> None:
    names = {field.name for field in fields(DetectorConfig)}
    assert names == set(knobs())
    page = PAGE.read_text()
    assert all(f"| `{name}` |" in page for name in names)
    assert len(table().splitlines()) == 2 + len(names)
