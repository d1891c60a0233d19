"""Go's MemStats from real pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from plimsoll_sidecar.memstats import PAUSE_RING, MemStats, from_expvar, from_footer

GOLDEN = Path(__file__).parents[2] / "golden" / "sidecar"


def test_the_footer_of_debug_1() -> None:
    stats = from_footer((GOLDEN / "heap_debug1.txt").read_text())
    assert stats is not None
    columns = stats.columns()
    assert columns["heap_live_bytes"] == 21_708_520
    assert columns["heap_inuse_bytes"] == 22_208_512
    assert columns["heap_idle_bytes"] == 2_596_864
    assert columns["heap_released_bytes"] == 2_392_064
    assert columns["heap_sys_bytes"] == columns["heap_inuse_bytes"] + columns["heap_idle_bytes"]
    assert columns["stack_bytes"] == 360_448
    assert columns["runtime_other_bytes"] == 65_280 + 16_072 + 1_443_941 + 2_408_176 + 627_691
    assert columns["gc_objects"] == 3588


def test_expvar_says_the_same_of_the_same_process() -> None:
    stats, variables = from_expvar((GOLDEN / "vars.json").read_bytes())
    assert stats is not None
    assert variables["release"] == "v42"
    footer = from_footer((GOLDEN / "heap_debug1.txt").read_text())
    assert footer is not None
    assert set(stats.columns()) == set(footer.columns())
    assert stats.columns()["stack_bytes"] == footer.columns()["stack_bytes"]


def test_pauses_between_two_readings_from_the_ring() -> None:
    ring = [0] * PAUSE_RING
    ring[0], ring[1], ring[2], ring[255] = 1_000_000, 2_000_000, 4_000_000, 8_000_000
    before = MemStats({"NumGC": 255}, tuple(ring))
    after = MemStats({"NumGC": 259}, tuple(ring))
    assert after.since(before) == {"gc_collections": 4.0, "gc_pause_ms": 15.0}
    assert after.since(None) == {}
    assert before.since(after) == {}


def test_pauses_from_the_total() -> None:
    before = MemStats({"NumGC": 3, "PauseTotalNs": 100}, ())
    after = MemStats({"NumGC": 5, "PauseTotalNs": 2_000_100}, ())
    assert after.since(before) == {"gc_collections": 2.0, "gc_pause_ms": 2.0}


@pytest.mark.parametrize("text", ["", "heap profile: 1: 2", "# runtime.MemStats\n# Alloc = x\n"])
def test_no_footer(text: str) -> None:
    assert from_footer(text) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"memstats":5}', b'{"memstats":{}}', b"[" * 100_000])
def test_no_memstats_in_expvar(body: bytes) -> None:
    assert from_expvar(body)[0] is None
