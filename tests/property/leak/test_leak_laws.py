"""Laws of the detector: scale, order and silence."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler_server.core.leak import InstanceSeries, LeakState, ServiceWindow, evaluate

EPOCH = 1_800_000_000.0


def _window(values: list[float], scale: float) -> ServiceWindow:
    ts = EPOCH + 60.0 * np.arange(len(values))
    rss = np.array([np.nan if v < 0 else v * scale for v in values])
    series = InstanceSeries("a", EPOCH, None, ts, {"rss_bytes": rss})
    return ServiceWindow(float(ts[-1]) + 60.0, 60.0, None, "unknown", (), (series,))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(min_value=-1.0, max_value=1e12, allow_nan=False), min_size=1, max_size=200))
def test_any_numbers_give_a_verdict(values: list[float]) -> None:
    with np.errstate(all="ignore"):
        result = evaluate(_window(values, 1.0), LeakState())
    assert result.verdict in ("leak", "healthy", "insufficient_data")
    assert LeakState.from_json(result.state.to_json()).to_json() == result.state.to_json()


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=0, max_value=2**31), st.sampled_from([2.0**-10, 2.0**10]))
def test_the_unit_of_memory_does_not_matter(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = (1e8 + np.cumsum(rng.normal(2e4, 2e5, 180))).tolist()
    plain, scaled = (evaluate(_window(values, s), LeakState()) for s in (1.0, scale))
    assert plain.verdict == scaled.verdict
    assert plain.diagnosis == scaled.diagnosis


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=2**31))
def test_white_noise_is_healthy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (1e8 * (1 + 0.01 * rng.standard_normal(240))).tolist()
    assert evaluate(_window(values, 1.0), LeakState()).verdict == "healthy"
