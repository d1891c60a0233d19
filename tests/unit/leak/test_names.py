"""What the memory of healthy services is called: a peak's mark, fragments, steps under load, garbage."""

from __future__ import annotations

import numpy as np

from profiler_server.core.leak.model import Diagnosis
from profiler_server.core.leak.replay import Recording, Replayed, replay
from profiler_server.core.leak.window import FloatArray, InstanceSeries
from tests.unit.leak.recordings import EPOCH, HOUR, MIB, load_at

BORN = EPOCH - 60 * HOUR
HOURS = np.arange(0.0, 96.0, 1 / 6)


def _named(language: str, columns: dict[str, FloatArray]) -> Diagnosis:
    load = {"requests": load_at(HOURS) * 600.0}
    table = {name: values * MIB for name, values in columns.items()} | load
    series = InstanceSeries("a", BORN, "v1", EPOCH + HOURS * HOUR, table)
    came: Replayed = replay(Recording("named", language, 600.0, None, (), (series,)))
    assert came.alerts == ()
    assert came.end is not None
    return came.end.diagnosis


def _noise(share: float = 0.004) -> FloatArray:
    return np.asarray(1 + share * np.random.default_rng(4).standard_normal(len(HOURS)))


def _native(in_use: FloatArray, free: FloatArray) -> Diagnosis:
    used = in_use * _noise()
    columns = {"rss_bytes": used + free + 40.0, "native_inuse_bytes": used, "native_free_bytes": free}
    return _named("cpp", columns)


def test_what_a_peak_left_free_is_a_high_water_mark() -> None:
    used = 200.0 + 150.0 * load_at(HOURS) / 200.0
    assert _native(used, np.maximum.accumulate(used) - used) == "high_water"


def test_free_memory_without_a_peak_is_in_fragments() -> None:
    assert _native(np.full(len(HOURS), 300.0), 150.0 * (1 - np.exp(-HOURS / 15.0))) == "fragmentation"


def test_a_step_is_told_from_the_load_that_it_lies_under() -> None:
    heap = (200.0 + 60.0 * load_at(HOURS) / 200.0 + 150.0 * (HOURS >= 50.0)) * _noise()
    assert _named("python", {"rss_bytes": 1.2 * heap, "heap_live_bytes": heap}) == "step"


def test_bursts_are_spikes_where_resident_memory_sees_them_and_garbage_where_not() -> None:
    bursts = 60.0 * ((HOURS % 24.0 > 3.0) & (HOURS % 24.0 < 5.5))
    heap = (100.0 + bursts) * _noise()
    assert _named("python", {"rss_bytes": 1.3 * heap, "heap_live_bytes": heap}) == "spikes"
    hidden = {
        "rss_bytes": 900.0 * _noise(0.001),
        "heap_live_bytes": heap,
        "heap_sys_bytes": np.full(len(HOURS), 700.0),
    }
    assert _named("go", hidden) == "none"
