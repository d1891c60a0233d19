"""The share of false findings among all findings of a fleet stays below what is stated."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.families.world import Plan, record
from profiler_server.core.leak import LeakState, ServiceWindow, evaluate
from profiler_server.core.leak.config import DEFAULT_CONFIG
from profiler_server.core.leak.discovery import wanted_log_e

RATE = DEFAULT_CONFIG.service_false_discovery_rate
SERVICES, LOOKS, FLEETS = 60, 40, 250


def _false_share(rng: np.random.Generator, leaks: int, drift: float) -> float:
    """Play one fleet: each look adds a step to every service's log likelihood ratio; findings stay once made.

    Null services draw from the null of the ratio (a Gaussian shift of `drift`), so that it is a martingale under it.
    The services are taken in a random order, each seeing only what the others had when they were last looked at.
    """
    log_e = np.zeros(SERVICES)
    frozen: dict[int, float] = {}
    truth = np.arange(SERVICES) < leaks
    for _ in range(LOOKS):
        step = rng.standard_normal(SERVICES) + np.where(truth, drift, 0.0)
        log_e += drift * step - drift**2 / 2
        for i in rng.permutation(SERVICES).tolist():
            others = [frozen.get(j, float(log_e[j])) for j in range(SERVICES) if j != i]
            if i not in frozen and log_e[i] >= wanted_log_e(others, SERVICES, RATE):
                frozen[i] = float(log_e[i])
    return sum(not truth[i] for i in frozen) / max(len(frozen), 1)


@pytest.mark.parametrize("leaks", [0, 3, 20])
def test_the_realised_rate_is_below_the_stated_one(leaks: int) -> None:
    rng = np.random.default_rng(11 + leaks)
    shares = [_false_share(rng, leaks, 0.6) for _ in range(FLEETS // 5)]
    error = float(np.std(shares)) / np.sqrt(len(shares))
    assert float(np.mean(shares)) <= RATE + 2 * error


def test_healthy_services_claim_nothing_that_would_survive_their_fleet() -> None:
    claims = []
    for seed in range(24):
        recording, _ = record("null", "null", Plan(hours=30.0, interval=900.0, replicas=2), seed)
        end = max(float(life.ts[-1]) for life in recording.lives)
        said = evaluate(ServiceWindow(end, 900.0, None, "go", (), recording.lives), LeakState())
        if said.state.log_e is not None:
            claims.append(said.state.log_e)
    for i, claim in enumerate(claims):
        assert claim < wanted_log_e(claims[:i] + claims[i + 1 :], 24, RATE)
