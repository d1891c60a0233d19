"""Slopes per hour with intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from profiler_server.core.slope import rises, slopes_with_interval

HOURS = np.arange(96) / 4
TS = 1_700_000_000.0 + HOURS * 3600


def test_a_straight_line_is_found_exactly() -> None:
    (slope,) = slopes_with_interval(TS, np.array([5.0 + 3.0 * HOURS]))
    assert slope.per_hour == pytest.approx(3.0)
    assert slope.low == pytest.approx(3.0)
    assert slope.high == pytest.approx(3.0)


def test_a_leak_that_restarts_is_seen_through_its_restarts() -> None:
    sawtooth = 4e6 * (HOURS % 6)
    breaks = [float(TS[0] + 3600 * hour) for hour in (6, 12, 18)]
    (blind,) = slopes_with_interval(TS, sawtooth[None])
    (seen,) = slopes_with_interval(TS, sawtooth[None], breaks)
    assert blind.low < 0 < blind.high
    assert seen.per_hour == pytest.approx(4e6, rel=0.02)
    assert seen.low > 0


def test_a_level_that_differs_between_lives_is_no_growth() -> None:
    levels = np.where(HOURS < 12, 1e6, 5e6)
    (slope,) = slopes_with_interval(TS, levels[None], [float(TS[48])])
    assert slope.per_hour == pytest.approx(0.0, abs=1.0)


def test_missing_points_are_left_out() -> None:
    values = 2.0 * HOURS
    values[10:30] = np.nan
    (slope,) = slopes_with_interval(TS, values[None])
    assert slope.per_hour == pytest.approx(2.0)


@pytest.mark.parametrize("values", [[1.0], [np.nan, 4.0], [np.nan, np.nan]])
def test_too_few_points_have_no_slope(values: list[float]) -> None:
    (slope,) = slopes_with_interval(np.arange(len(values), dtype=float), np.array([values]))
    assert (slope.per_hour, slope.low, slope.high) == (0.0, 0.0, 0.0)


def test_the_interval_covers_the_truth_under_correlated_noise() -> None:
    rng = np.random.default_rng(3)
    noise = np.zeros((400, len(TS)))
    for k in range(1, len(TS)):
        noise[:, k] = 0.5 * noise[:, k - 1] + rng.normal(size=400)
    covered = [slope.low <= 0.1 <= slope.high for slope in slopes_with_interval(TS, 0.1 * HOURS + noise)]
    assert np.mean(covered) > 0.88


def test_a_staircase_that_climbs_is_told_from_no_growth() -> None:
    (slope,) = slopes_with_interval(TS, np.floor(HOURS / 2)[None] * 1e6)
    assert slope.low > 0


def test_what_climbs_ever_faster_rises_although_no_straight_line_fits() -> None:
    doubling = 2.0 ** (HOURS / 3)
    (slope,) = slopes_with_interval(TS, doubling[None])
    assert slope.low < 0
    assert rises(TS, doubling)
    sawtooth = 4e6 * (HOURS % 6) ** 3
    breaks = [float(TS[0] + 3600 * hour) for hour in (6, 12, 18)]
    assert rises(TS, sawtooth, breaks)


def test_noise_and_what_falls_do_not_rise() -> None:
    rng = np.random.default_rng(5)
    found = [rises(TS, rng.normal(size=len(TS))) for _ in range(200)]
    assert np.mean(found) < 0.04
    assert not rises(TS, -HOURS)
    assert not rises(TS, np.where(HOURS > 23, np.nan, 7.0))
    assert not rises(TS[:1], np.ones(1))
    assert not rises(TS[:0], np.ones(0))
