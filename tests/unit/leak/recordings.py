"""Builders of synthetic services: a floor, a load that rises and recedes, noise, and what should be found in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from profiler_server.core.leak.replay import Recording, Snapshot
from profiler_server.core.leak.window import FloatArray, InstanceSeries
from profiler_server.core.profile import Frame

MIB = 1024.0 * 1024.0
HOUR = 3600.0
EPOCH = 1_800_000_000.0


@dataclass
class Life:
    """One process life to be built; times in hours since EPOCH, memory in MiB."""

    begins: float
    ends: float
    instance: str = "a"
    version: str | None = "v1"
    born: float = -48.0
    base: float = 400.0
    per_hour: float = 0.0
    warm: tuple[float, float] | None = None
    load_share: float = 0.1
    noise: float = 2.0
    resident_share: float = 1.4
    steps: dict[float, float] = field(default_factory=dict)


def load_at(hours: FloatArray) -> FloatArray:
    """Requests per second through the day: 50 by night, 350 by day."""
    return np.asarray(200.0 + 150.0 * np.sin(2 * np.pi * hours / 24.0))


def series_of(
    life: Life, *, interval: float = 300.0, seed: int = 1, columns: tuple[str, ...] = ()
) -> InstanceSeries:
    """Return the points of one process life; `columns` keeps only those named (all by default)."""
    rng = np.random.default_rng(seed)
    hours = np.arange(life.begins, life.ends, interval / HOUR)
    load = load_at(hours) * rng.uniform(0.9, 1.1, len(hours))
    age = hours - life.born
    noise = np.zeros(len(hours))
    for i in range(1, len(hours)):
        noise[i] = 0.8 * noise[i - 1] + life.noise * rng.standard_normal()
    heap = life.base * (1 + life.load_share * (load_at(hours - 0.3) / 200.0 - 1)) + noise
    heap += life.per_hour * (hours - life.begins)
    if life.warm is not None:
        heap -= life.warm[0] * np.exp(-age / life.warm[1])
    for at, size in life.steps.items():
        heap += size * (hours >= at)
    table = {
        "rss_bytes": life.resident_share * heap * MIB,
        "heap_live_bytes": heap * MIB,
        "heap_inuse_bytes": 1.1 * heap * MIB,
        "heap_sys_bytes": 1.2 * heap * MIB,
        "heap_released_bytes": np.zeros(len(hours)),
        "requests": load * interval,
        "errors": rng.poisson(1.0, len(hours)).astype(np.float64),
        "threads": np.full(len(hours), 12.0),
    }
    kept = {name: values for name, values in table.items() if not columns or name in columns}
    return InstanceSeries(life.instance, EPOCH + life.born * HOUR, life.version, EPOCH + hours * HOUR, kept)


def recording(
    *lives: Life,
    interval: float = 300.0,
    limit_mib: float | None = None,
    columns: tuple[str, ...] = (),
    snapshots: tuple[Snapshot, ...] = (),
    language: str = "go",
) -> Recording:
    """Return a recording of these lives; every life has noise of its own."""
    series = tuple(
        series_of(life, interval=interval, seed=n, columns=columns) for n, life in enumerate(lives, start=1)
    )
    limit = None if limit_mib is None else limit_mib * MIB
    return Recording("synthetic", language, interval, limit, (), series, snapshots)


def frame(function: str, file: str = "app/cart.go", line: int = 1) -> Frame:
    return Frame(function, file, line)
