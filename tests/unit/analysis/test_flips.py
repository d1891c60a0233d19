"""Points after a switch of release inside a process belong to the new release."""

from __future__ import annotations

import numpy as np

from profiler_server.analysis.flips import split_at_flips
from profiler_server.core.leak import InstanceSeries, Marker


def a_life(begin: float = 0.0, n: int = 10, version: str = "v1") -> InstanceSeries:
    ts = begin + np.arange(n, dtype=float)
    return InstanceSeries("i", begin, version, ts, {"rss_bytes": ts * 2})


def shapes(parts: tuple[InstanceSeries, ...]) -> list[tuple[str | None, list[float]]]:
    return [(part.version, part.ts.tolist()) for part in parts]


def test_a_flip_cuts_the_life() -> None:
    parts = split_at_flips([a_life(n=4)], [Marker(2.0, "deploy", "v2")], frozenset({"v1"}))
    assert shapes(parts) == [("v1", [0.0, 1.0]), ("v2", [2.0, 3.0])]
    assert parts[1].columns["rss_bytes"].tolist() == [4.0, 6.0]


def test_an_ordinary_deploy_cuts_nothing() -> None:
    life = a_life()
    assert split_at_flips([life], [Marker(2.0, "deploy", "v2")], frozenset({"v1", "v2"})) == (life,)


def test_other_markers_cut_nothing() -> None:
    life = a_life()
    assert split_at_flips(
        [life], [Marker(2.0, "config", "v2"), Marker(3.0, "deploy")], frozenset({"v1"})
    ) == (life,)


def test_points_that_all_come_after_a_flip_are_of_the_new_release() -> None:
    late = InstanceSeries("i", 0.0, "v1", np.array([5.0, 6.0]), {})
    assert shapes(split_at_flips([late], [Marker(2.0, "deploy", "v2")], frozenset({"v1"}))) == [
        ("v2", [5.0, 6.0])
    ]


def test_a_process_that_started_later_keeps_its_release() -> None:
    life = a_life(begin=10.0)
    assert split_at_flips([life], [Marker(2.0, "deploy", "v2")], frozenset({"v1"})) == (life,)


def test_two_flips_make_three_parts() -> None:
    markers = [Marker(3.0, "deploy", "v3"), Marker(2.0, "deploy", "v2")]
    parts = split_at_flips([a_life(n=5)], markers, frozenset({"v1"}))
    assert shapes(parts) == [("v1", [0.0, 1.0]), ("v2", [2.0]), ("v3", [3.0, 4.0])]
