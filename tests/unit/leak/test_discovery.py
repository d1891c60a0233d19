"""What evidence a finding needs among the services of a run."""

from __future__ import annotations

import math

import numpy as np

from profiler_server.core.leak import LeakState, ServiceWindow, evaluate
from profiler_server.core.leak.discovery import wanted_log_e
from profiler_server.core.leak.report import HELD_BY_RUN
from tests.unit.leak.recordings import EPOCH, HOUR, Life, series_of

RATE = 0.05


def test_a_service_alone_needs_one_over_the_rate() -> None:
    assert math.isclose(wanted_log_e((), 1, RATE), math.log(20.0))


def test_the_bar_rises_with_the_services_looked_at() -> None:
    assert math.isclose(wanted_log_e((), 10_000, RATE), math.log(200_000.0))


def test_other_discoveries_lower_the_bar() -> None:
    strong = [math.log(1e9)] * 9
    assert math.isclose(wanted_log_e(strong, 1_000, RATE), math.log(1_000 / (10 * RATE)))


def test_weak_claims_of_others_lower_nothing() -> None:
    assert math.isclose(wanted_log_e([0.0] * 9, 1_000, RATE), math.log(20_000.0))


def test_it_is_e_bh() -> None:
    """A claim reaches its bar exactly where e-BH over all claims would make it a discovery."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        tested = int(rng.integers(3, 60))
        claims = rng.normal(5.0, 3.0, int(rng.integers(1, tested))).tolist()
        ordered = np.exp(np.sort(claims)[::-1])
        enough = np.flatnonzero(ordered >= tested / (np.arange(1, len(ordered) + 1) * RATE))
        accepted = ordered[: enough[-1] + 1].min() if len(enough) else math.inf
        for i, claim in enumerate(claims):
            others = claims[:i] + claims[i + 1 :]
            assert (claim >= wanted_log_e(others, tested, RATE)) == (math.exp(claim) >= accepted)


def test_a_leak_waits_where_the_run_asks_for_more_and_is_found_once_it_does_not() -> None:
    leaking = series_of(Life(0, 60, per_hour=4.0))
    among = ServiceWindow(EPOCH + 60 * HOUR, 300.0, None, "go", (), (leaking,), log_e_wanted=1e6)
    held = evaluate(among, LeakState())
    assert held.verdict == "healthy"
    assert held.sentence == HELD_BY_RUN
    assert held.state.detected_at is None
    assert held.state.log_e is not None
    stored = LeakState.from_json(held.state.to_json())
    assert stored.log_e == held.state.log_e
    alone = ServiceWindow(EPOCH + 64 * HOUR, 300.0, None, "go", (), (leaking,))
    found = evaluate(alone, stored)
    assert found.verdict == "leak"
    assert found.state.log_e is not None
