"""Points brought onto one even grid."""

import numpy as np
import pytest

from dashboards.service_series import on_grid
from profiler_server.series.model import Series

START = 1_800_000_000.0


def series(
    instance_id: int, name: str, values: list[float], *, step: float = 10.0, first: float = 0.0
) -> Series:
    ts = START + first + step * np.arange(len(values))
    return Series(instance_id, name, ts, np.asarray(values, np.float64))


def test_bins_are_no_narrower_than_the_points_are_apart() -> None:
    grid = on_grid([series(1, "rss_bytes", [1.0] * 60)], START, START + 600, bins=600)
    assert len(grid.ts) == 60
    assert grid.bin_seconds == 10.0
    assert np.isfinite(grid.columns["rss_bytes"]).all()


def test_counts_become_rates_by_the_interval_at_which_they_were_sent() -> None:
    plain = on_grid([series(1, "requests", [50.0] * 60)], START, START + 600, bins=600, interval=10.0)
    thinned = on_grid(
        [series(1, "requests", [50.0] * 10, step=60.0)], START, START + 600, bins=10, interval=10.0
    )
    for grid in (plain, thinned):
        load = grid.load()
        assert load is not None
        assert np.nanmax(load) == np.nanmin(load) == 5.0


def test_instances_are_added_for_load_and_spread_for_memory() -> None:
    found = [
        series(1, "rss_bytes", [10.0] * 6),
        series(2, "rss_bytes", [30.0] * 3),
        series(1, "requests", [10.0] * 6),
    ]
    grid = on_grid(found, START, START + 60, bins=6, interval=10.0)
    spread = grid.over_instances("rss_bytes")
    assert spread is not None
    assert spread.low.tolist() == [10.0] * 6
    assert spread.high.tolist() == [30.0] * 3 + [10.0] * 3
    assert grid.over_instances("p99_ms") is None
    assert grid.row("rss_bytes", 2) is not None
    assert grid.row("rss_bytes", 3) is None


def test_a_short_gap_is_bridged_and_a_long_one_stays() -> None:
    values = [1.0] * 5 + [np.nan] * 2 + [1.0] * 5 + [np.nan] * 6 + [1.0] * 5
    row = on_grid([series(1, "rss_bytes", values)], START, START + 230, bins=23).columns["rss_bytes"][0]
    assert np.isnan(row).sum() == 6


@pytest.mark.parametrize("found", [[], [series(1, "rss_bytes", [])], [series(1, "rss_bytes", [5.0])]])
def test_little_data_is_no_error(found: list[Series]) -> None:
    grid = on_grid(found, START, START + 60, bins=6)
    assert len(grid.ts) >= 1
    assert grid.load() is None


def test_the_limit_is_the_groups_where_the_agent_sees_it() -> None:
    found = [series(1, "cgroup_limit_bytes", [512.0] * 3)]
    assert on_grid(found, START, START + 30, bins=3, limit_bytes=99.0).limit_bytes == 512.0
    assert on_grid([], START, START + 30, bins=3, limit_bytes=99.0).limit_bytes == 99.0
