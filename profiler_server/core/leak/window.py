"""What one evaluation may look at: a service's points, call sites and markers up to one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler_server.core.profile import Frame

FloatArray = NDArray[np.float64]
HOUR = 3600.0
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Marker:
    """Something that somebody did to the service: `kind` is deploy, restart, config, oom, exit or note."""

    ts: float
    kind: str
    version: str | None = None
    instance: str | None = None


@dataclass(frozen=True)
class InstanceSeries:
    """One process life. `ts` f64[n] unix seconds, rising; every column f64[n], NaN where missing.

    Column names are the canonical point columns (`rss_bytes`, `heap_live_bytes`, `requests`, …); unknown ones are
    ignored and any may be absent. `instance` is the replica's key: a replica that was restarted appears once per life.
    """

    instance: str
    started_at: float
    version: str | None
    ts: FloatArray
    columns: Mapping[str, FloatArray]


@dataclass(frozen=True)
class SiteTable:
    """In-use bytes of the call sites of one process life at its snapshots.

    `ts` f64[s]; `stacks` are leaf first; `inuse_bytes` f64[n_stacks, s], 0 where a stack is absent from a snapshot.
    `sampling_interval_bytes` is the profiler's mean sampling distance (0: every allocation was seen).
    """

    instance: str
    started_at: float
    ts: FloatArray
    stacks: tuple[tuple[Frame, ...], ...]
    inuse_bytes: FloatArray
    sampling_interval_bytes: float = 512 * 1024.0


@dataclass(frozen=True)
class ServiceWindow:
    """All that one evaluation may look at: the service's history up to `now`, nothing later.

    `time_scale` is how many seconds of the detector's clock one second of `ts` stands for: 1 in production; a
    compressed demo in which 10 s play an hour passes 360 (see `DetectorConfig`). It stretches every time constant that
    is stated in hours; those stated in samples, collections or load cycles need no stretching. `log_e_wanted` is the
    log e-value that a finding needs among the services of the same run (see `discovery`; None: it is alone).
    """

    now: float
    interval_seconds: float
    memory_limit_bytes: float | None
    language: str
    markers: tuple[Marker, ...]
    instances: tuple[InstanceSeries, ...]
    sites: tuple[SiteTable, ...] = ()
    time_scale: float = 1.0
    log_e_wanted: float | None = None
