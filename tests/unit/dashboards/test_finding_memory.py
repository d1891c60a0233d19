"""The arithmetic of the memory waterfall on a finding's page."""

from __future__ import annotations

from dashboards.finding_memory import sums_of

MIB = 1024.0 * 1024.0


def test_go_heap_counters_give_the_bounds_of_fragmentation_and_retention() -> None:
    sums = sums_of(
        {
            "rss_bytes": 200 * MIB,
            "heap_inuse_bytes": 58 * MIB,
            "heap_live_bytes": 55 * MIB,
            "heap_idle_bytes": 120 * MIB,
            "heap_released_bytes": 100 * MIB,
            "layer.released": 90 * MIB,
            "layer.unexplained": 12 * MIB,
        }
    )
    assert [(one.names, one.numbers, one.result) for one in sums] == [
        ("HeapInuse − HeapAlloc", "58.0 MiB − 55.0 MiB", "3.0 MiB"),
        ("HeapIdle − HeapReleased", "120 MiB − 100 MiB", "20.0 MiB"),
        ("HeapReleased", "", "100 MiB"),
        ("RSS − all that is counted", "200 MiB − 188 MiB", "12.0 MiB"),
    ]
    assert "90.0 MiB of it is still resident" in sums[2].meaning
    assert "fragmentation" in sums[0].meaning


def test_python_counters_give_the_bounds_of_its_allocators() -> None:
    sums = sums_of({"rss_bytes": 90 * MIB, "pymalloc_slack_bytes": 20 * MIB, "native_free_bytes": 5 * MIB})
    assert [one.result for one in sums] == ["20.0 MiB", "5.0 MiB", "0 B"]


def test_counters_that_cross_are_no_negative_memory() -> None:
    assert sums_of({"heap_inuse_bytes": MIB, "heap_live_bytes": 2 * MIB})[0].result == "0 B"


def test_nothing_is_said_without_counters() -> None:
    assert sums_of({}) == []
