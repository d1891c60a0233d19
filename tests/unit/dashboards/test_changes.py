"""Change points: levels are found, noise and trends are not."""

import numpy as np
import pytest

from dashboards.figures.changes import MAX_CHANGES, change_points


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_found_where_it_is(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.concatenate([random.normal(15, 1, 80), random.normal(55, 3, 60)])
    assert change_points(values) == pytest.approx([80], abs=1)


def test_there_and_back_is_two_changes_and_gaps_do_not_matter() -> None:
    random = np.random.default_rng(1)
    values = np.concatenate([random.normal(45, 1, 50), random.normal(10, 1, 50), random.normal(45, 1, 50)])
    values[20:24] = np.nan
    assert change_points(values) == pytest.approx([50, 100], abs=1)


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_change(seed: int) -> None:
    assert change_points(np.random.default_rng(seed).normal(100, 5, 300)) == []


def test_a_ramp_has_no_change() -> None:
    random = np.random.default_rng(3)
    assert change_points(np.linspace(0, 100, 200) + random.normal(0, 1, 200)) == []


@pytest.mark.parametrize("values", [[], [1.0], [5.0] * 50, [np.nan] * 30])
def test_little_or_flat_data_has_no_change(values: list[float]) -> None:
    assert change_points(np.asarray(values, np.float64)) == []


def test_there_are_never_more_than_the_bound() -> None:
    values = np.concatenate([np.full(20, float(level % 2) * 50) for level in range(30)])
    values += np.random.default_rng(0).normal(0, 0.5, len(values))
    assert len(change_points(values)) <= MAX_CHANGES
