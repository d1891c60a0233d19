"""Batches of points: what is refused, and in which order they end up."""

from __future__ import annotations

import numpy as np
import pytest

from profiler_server.core.errors import InvalidPoints, LimitExceeded
from profiler_server.core.points import CANONICAL_COLUMNS, COLUMN_NAME, MAX_POINTS_PER_BATCH, point_batch


def test_points_are_sorted_and_the_last_of_equal_times_wins() -> None:
    batch = point_batch([30, 10, 30, 20], {"rss_bytes": [1, 2, 3, None], "queue.depth": [0.5, 1, 2, 3]})
    assert batch.ts.tolist() == [10, 20, 30]
    assert batch.columns["rss_bytes"][[0, 2]].tolist() == [2, 3]
    assert np.isnan(batch.columns["rss_bytes"][1])
    assert batch.columns["queue.depth"].tolist() == [1, 3, 2]
    assert len(batch) == 3


def test_an_empty_batch_is_a_batch() -> None:
    assert len(point_batch([], {"rss_bytes": []})) == 0


@pytest.mark.parametrize(
    ("ts", "columns"),
    [
        ([1], {"Rss": [1]}),
        ([1], {"": [1]}),
        ([1], {"a" * 65: [1]}),
        ([1], {"rss bytes": [1]}),
        ([1], {"rss_bytes": [1, 2]}),
        ([1], {"rss_bytes": ["many"]}),
        ([1], {"rss_bytes": [float("inf")]}),
        ([1], {"rss_bytes": [[1]]}),
        ([None], {}),
        ([float("nan")], {}),
        ([-5], {}),
        (["now"], {}),
    ],
)
def test_what_breaks_the_rules_is_refused(ts: list[float], columns: dict[str, list[float]]) -> None:
    with pytest.raises(InvalidPoints):
        point_batch(ts, columns)


def test_bounds() -> None:
    with pytest.raises(LimitExceeded):
        point_batch(list(range(MAX_POINTS_PER_BATCH + 1)), {})
    with pytest.raises(LimitExceeded):
        point_batch([1], {f"c{i}": [1] for i in range(201)})


def test_canonical_names_are_valid_and_unique() -> None:
    assert all(COLUMN_NAME.fullmatch(name) for name in CANONICAL_COLUMNS)
    assert len(set(CANONICAL_COLUMNS)) == len(CANONICAL_COLUMNS)
