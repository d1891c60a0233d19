"""The waterfall of known situations: what each runtime's counters are read to mean."""

from __future__ import annotations

import math

import numpy as np

from profiler_server.core.waterfall import Waterfall, memory_waterfall

MIB = 2.0**20


def sizes(found: Waterfall) -> dict[str, float]:
    """Return the layers that are not empty, in MiB."""
    return {layer.name: layer.size_bytes[0] / MIB for layer in found.layers if layer.size_bytes[0]}


def test_go() -> None:
    found = memory_waterfall(
        {
            "rss_bytes": 200 * MIB,
            "rss_file_bytes": 10 * MIB,
            "heap_live_bytes": 80 * MIB,
            "heap_inuse_bytes": 100 * MIB,
            "heap_idle_bytes": 60 * MIB,
            "heap_released_bytes": 25 * MIB,
            "stack_bytes": 4 * MIB,
            "runtime_other_bytes": 6 * MIB,
        }
    )
    assert sizes(found) == {
        "live_heap": 80,
        "fragmentation": 20,
        "runtime_idle": 35,
        "stacks": 4,
        "runtime_other": 6,
        "files": 10,
        "released": 25,
        "unexplained": 20,
    }


def test_python_with_a_traced_heap_counts_no_byte_twice() -> None:
    """Of 50 MiB traced 30 lie in pymalloc's arenas, so 20 of malloc's 45 are Python's own."""
    found = memory_waterfall(
        {
            "rss_bytes": 150 * MIB,
            "heap_live_bytes": 50 * MIB,
            "pymalloc_arena_bytes": 40 * MIB,
            "pymalloc_slack_bytes": 10 * MIB,
            "native_inuse_bytes": 35 * MIB,
            "mmapped_bytes": 10 * MIB,
            "native_free_bytes": 22 * MIB,
            "rss_file_bytes": 18 * MIB,
        }
    )
    expected = {
        "live_heap": 50,
        "native": 25,
        "fragmentation": 10,
        "allocator_free": 22,
        "files": 18,
        "unexplained": 25,
    }
    assert sizes(found) == expected


def test_python_without_a_traced_heap() -> None:
    columns = {"rss_bytes": 90 * MIB, "pymalloc_arena_bytes": 40 * MIB, "pymalloc_slack_bytes": 5 * MIB}
    found = memory_waterfall({**columns, "native_inuse_bytes": 20 * MIB})
    assert sizes(found) == {"live_heap": 35, "native": 20, "fragmentation": 5, "unexplained": 30}


def test_counters_beyond_rss_are_cut_the_surest_first() -> None:
    found = memory_waterfall({"rss_bytes": 50 * MIB, "heap_live_bytes": 45 * MIB, "rss_file_bytes": 20 * MIB})
    assert sizes(found) == {"live_heap": 30, "files": 20}


def test_headroom_is_of_the_cgroup_or_else_of_the_process() -> None:
    rss = np.array([10.0, 20.0, math.nan])
    used = np.array([30.0, math.nan, math.nan])
    found = memory_waterfall(
        {"rss_bytes": rss, "cgroup_current_bytes": used, "cgroup_limit_bytes": np.full(3, 100.0)}
    )
    assert found.headroom_bytes[:2].tolist() == [70, 80]
    assert math.isnan(found.headroom_bytes[2])
    assert np.isnan(memory_waterfall({"rss_bytes": rss}).headroom_bytes).all()


def test_every_layer_says_what_it_means() -> None:
    layers = memory_waterfall({"rss_bytes": 1.0}).layers
    assert all(layer.title and layer.explanation.endswith(".") for layer in layers)
    assert (layers[0].name, layers[-1].name) == ("live_heap", "unexplained")
