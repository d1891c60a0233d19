"""Whole services replayed: what must be found, and what must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from profiler_server.core.leak.replay import replay
from tests.unit.leak.recordings import EPOCH, HOUR, MIB, Life, recording


def test_a_steady_leak_is_found_with_its_rate_and_forecast() -> None:
    came = replay(recording(Life(0, 60, per_hour=4.0), limit_mib=1600))
    assert came.first is not None
    assert came.first.diagnosis == "heap_leak"
    assert came.alerts[0] < EPOCH + 40 * HOUR
    assert came.last_leak is not None
    assert came.last_leak.growth_bytes_per_hour == pytest.approx(4.0 * MIB, rel=0.15)
    assert came.first.forecast is not None
    low, middle, high = came.first.forecast
    assert low < middle < high
    # (1600 / 1.4 - 400 * 1.075) / 4 h at the load's peaks
    assert middle == pytest.approx(EPOCH + 178 * HOUR, abs=45 * HOUR)


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(Life(0, 72), id="load alone"),
        pytest.param(Life(0, 60, born=0.0, warm=(150.0, 6.0)), id="a cache that fills"),
        pytest.param(Life(0, 60, steps={30.0: 80.0}), id="one step"),
        pytest.param(Life(0, 60, noise=6.0), id="a noisy floor"),
    ],
)
def test_the_healthy_are_left_alone(life: Life) -> None:
    came = replay(recording(life))
    assert came.alerts == ()
    assert came.end is not None
    assert came.end.verdict == "healthy"


def test_the_same_slope_in_several_lifetimes_is_one_finding() -> None:
    lives = [Life(start, start + 11.5, born=start, per_hour=40.0) for start in (0.0, 12.0, 24.0, 36.0)]
    came = replay(recording(*lives, limit_mib=1250))
    assert len(came.alerts) == 1
    assert came.alerts[0] < EPOCH + 40 * HOUR


def test_one_bad_replica_among_four_is_found() -> None:
    good = [Life(0, 48, instance=name) for name in "abc"]
    came = replay(recording(*good, Life(0, 48, instance="d", per_hour=5.0)))
    assert came.last_leak is not None
    assert came.last_leak.evidence is not None
    assert came.last_leak.evidence.replicas_growing == 1
    assert came.last_leak.evidence.replicas == 4


def test_a_release_that_leaks_is_named() -> None:
    came = replay(recording(Life(0, 48), Life(48, 96, born=48.0, version="v2", per_hour=6.0)))
    assert came.last_leak is not None
    assert came.last_leak.version == "v2"
    assert came.alerts[0] > EPOCH + 48 * HOUR


def test_a_leak_that_a_release_fixed_ends_by_itself() -> None:
    came = replay(recording(Life(0, 60, per_hour=6.0), Life(60, 110, born=60.0, version="v2")))
    assert len(came.alerts) == 1
    assert came.cured_by == ("v2",)
    assert came.end is not None
    assert came.end.verdict == "healthy"


def test_too_little_is_said_to_be_too_little() -> None:
    came = replay(recording(Life(0, 0.7, born=0.0, per_hour=100.0)))
    assert came.end is not None
    assert came.end.verdict == "insufficient_data"
    assert came.alerts == ()


def test_resident_memory_alone_is_enough() -> None:
    came = replay(recording(Life(0, 72, per_hour=5.0), columns=("rss_bytes",), language="unknown"))
    assert came.first is not None
    assert came.first.evidence is not None
    assert came.first.evidence.signal == "rss"


def test_evidence_can_be_stored_and_says_what_was_rejected() -> None:
    came = replay(recording(Life(0, 60, per_hour=4.0)))
    assert came.last_leak is not None
    evidence = came.last_leak.evidence
    assert evidence is not None
    assert {a.name for a in evidence.alternatives} == {"load", "warm_up"}
    assert all(a.rejected for a in evidence.alternatives)
    assert evidence.slope is not None
    assert evidence.slope.low < 4.0 * MIB < evidence.slope.high * 1.1
    assert evidence.floor[0].ts[0] >= EPOCH
    assert evidence.load is not None


def test_pages_that_go_has_released_and_the_kernel_still_counts_are_retention() -> None:
    """Resident memory stands still while the heap follows the load: the runtime's, and curable."""
    held = recording(Life(0, 48, load_share=0.4))
    (series,) = held.lives
    heap = series.columns["heap_inuse_bytes"]
    columns = series.columns | {
        "rss_bytes": np.full(len(series.ts), 2200.0 * MIB),
        "heap_sys_bytes": np.full(len(series.ts), 2100.0 * MIB),
        "heap_released_bytes": 2090.0 * MIB - heap,
    }
    came = replay(replace(held, lives=(replace(series, columns=columns),)))
    assert came.end is not None
    assert came.end.verdict == "healthy"
    assert came.end.diagnosis == "runtime_retention"
    assert "madvdontneed=1" in came.end.sentence
