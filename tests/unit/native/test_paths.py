"""Writing paths: names, counts, repeated steps, redaction; and reading cgroup limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from plimsoll_agent_native import limits
from plimsoll_agent_native.paths import Segment, group_key, parse_steps, redacted, segments_of, write_path


def a_record(*steps: tuple[str, ...]) -> str:
    return "".join("\x1e" + "\x1f".join(step) for step in steps)


RECORD = a_record(
    ("module", "shop.cache", "", "", "-1", "-1"),
    ("global", "", "RESULTS", "dict", "48211", "7"),
    ("element", "dict", "", "list", "12", "8"),
    ("element", "list", "", "Order", "-1", "9"),
    ("attribute", "Order", "lines", "list", "3", "10"),
)


def test_a_path_reads_as_a_person_would_write_it():
    segments = segments_of(parse_steps(RECORD))
    written = write_path(segments, shared={7}, rates={})
    assert written == "module shop.cache → RESULTS: dict (48,211 entries) → list → Order.lines: list"


def test_growth_per_minute_stands_beside_the_length():
    segments = segments_of(parse_steps(RECORD))
    written = write_path(segments, shared={7}, rates={"module shop.cache → RESULTS: dict": 900.0})
    assert "RESULTS: dict (48,211 entries, +900/min)" in written


def test_lengths_are_no_part_of_the_key():
    segments = segments_of(parse_steps(RECORD))
    other = segments_of(parse_steps(RECORD.replace("48211", "48212")))
    assert group_key(segments) == group_key(other)


def test_a_linked_list_is_written_once():
    step = ("attribute", "Node", "following", "Node", "-1", "3")
    segments = segments_of(parse_steps(a_record(("module", "m", "", "", "-1", "-1"), step, step, step)))
    assert [segment.text for segment in segments] == ["module m", "Node.following: Node …"]


def test_a_frame_says_its_local():
    steps = parse_steps(
        a_record(("frame", "serve", "batch", "list", "5", "1"), ("element", "list", "", "str", "-1", "-1"))
    )
    assert group_key(segments_of(steps)) == "frame serve → local batch: list → str"


def test_redaction_keeps_container_types_and_hides_names():
    segments = segments_of(redacted(parse_steps(RECORD), lambda name: "x" * len(name)))
    assert group_key(segments) == "module xxxxxxxxxx → xxxxxxx: dict → list → xxxxx.xxxxx: list"


def test_an_unnamed_attribute_is_written_as_an_ellipsis():
    steps = parse_steps(a_record(("attribute", "Order", "", "str", "-1", "4")))
    assert segments_of(steps) == [Segment("Order.…: str", -1, 4)]


@pytest.mark.parametrize(
    ("limit", "usage", "room"),
    [("1000", "400", 600), ("max", "400", None), ("9223372036854771712", "4", None)],
)
def test_room_in_a_cgroup(monkeypatch, tmp_path: Path, limit, usage, room):
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text(usage)
    monkeypatch.setattr(limits, "CGROUP", str(tmp_path))
    monkeypatch.setattr(limits, "PROC", str(tmp_path))
    assert limits.cgroup_headroom_bytes() == room


def test_the_tightest_of_nested_cgroups_counts(monkeypatch, tmp_path: Path):
    inner = tmp_path / "kubepods" / "pod"
    inner.mkdir(parents=True)
    for folder, limit in ((tmp_path, "5000"), (inner, "1000")):
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text("700")
    (tmp_path / "cgroup").write_text("0::/kubepods/pod\n")
    monkeypatch.setattr(limits, "CGROUP", str(tmp_path))
    monkeypatch.setattr(limits, "PROC", str(tmp_path))
    assert limits.cgroup_headroom_bytes() == 300


def test_without_proc_nothing_is_known(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(limits, "CGROUP", str(tmp_path))
    monkeypatch.setattr(limits, "PROC", str(tmp_path))
    assert limits.rss_bytes() is None
    assert limits.cgroup_headroom_bytes() is None
