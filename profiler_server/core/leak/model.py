"""The words of leak detection: what is looked at (a service's window), what is carried, what is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profiler_server.core.profile import Frame

FloatArray = NDArray[np.float64]
Verdict = Literal["leak", "healthy", "insufficient_data"]
Diagnosis = Literal[
    "heap_leak",
    "native_leak",
    "resource_leak",
    "fragmentation",
    "runtime_retention",
    "warm_up",
    "load_following",
    "step",
    "high_water",
    "spikes",
    "none",
]
HOUR = 3600.0
DAY = 86400.0
STATE_FORMAT = 1


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
    is stated in hours; those stated in samples, collections or load cycles need no stretching.
    """

    now: float
    interval_seconds: float
    memory_limit_bytes: float | None
    language: str
    markers: tuple[Marker, ...]
    instances: tuple[InstanceSeries, ...]
    sites: tuple[SiteTable, ...] = ()
    time_scale: float = 1.0


@dataclass
class LeakState:
    """What one evaluation hands to the next; JSON by `to_json`, back by `from_json` (unknown keys are dropped)."""

    format: int = STATE_FORMAT
    evaluated_at: float | None = None
    suspected_at: float | None = None
    detected_at: float | None = None
    diagnosis: str | None = None
    last: dict[str, Any] | None = None
    tracks: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def wants_sites(self) -> bool:
        """Whether the next evaluation would use call sites: something is growing and needs a name."""
        return self.suspected_at is not None or self.detected_at is not None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values only."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> LeakState:
        """Rebuild a state; nothing stored, or another format, gives a fresh one."""
        if not stored or stored.get("format") != STATE_FORMAT:
            return cls()
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in stored.items() if key in known})


@dataclass(frozen=True)
class Suspect:
    """A place in the code that a person would fix, and how much of the growth passes through it.

    `path` are the frames above it, nearest caller first; `flat_bytes` is what it holds itself at the end of the window.
    """

    function: str
    file: str
    line: int
    path: tuple[str, ...]
    growth_bytes_per_hour: float
    share: float
    flat_bytes: float


@dataclass(frozen=True)
class Slope:
    """Growth with its interval (bytes, or units, per hour of the window's clock), all other terms held still."""

    per_hour: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True)
class Alternative:
    """An innocent explanation, whether it was rejected, and by how much (`margin` > 0: rejected)."""

    name: str
    rejected: bool
    margin: float
    reason: str


@dataclass(frozen=True)
class LoadCurve:
    """The floor as a function of the load as fitted: both f64[k] as lists, and the lag that fitted best."""

    load_per_second: tuple[float, ...]
    floor_bytes: tuple[float, ...]
    lag_seconds: float
    correlation: float


@dataclass(frozen=True)
class FloorLine:
    """The floor that was tested: one (ts, value, fitted) point per block of one process life."""

    instance: str
    started_at: float
    version: str | None
    ts: tuple[float, ...]
    value: tuple[float, ...]
    fitted: tuple[float, ...]


@dataclass(frozen=True)
class SiteShare:
    """How much of the floor's growth the growing call sites explain, and how many sites were tested."""

    explained: float
    growing: int
    tested: int
    false_discovery_rate: float


@dataclass(frozen=True)
class Evidence:
    """Why the verdict is what it is; stored with the finding and drawn on its page."""

    signal: str
    floor: tuple[FloorLine, ...]
    slope: Slope | None
    load: LoadCurve | None
    alternatives: tuple[Alternative, ...]
    sites: SiteShare | None
    log_evidence: float
    log_threshold: float
    replicas_growing: int
    replicas: int
    lives: int
    latency_correlation: float | None
    waterfall: dict[str, float]
    undecided_until: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """One verdict. Times are unix seconds, growth is bytes (or units) per hour of one process.

    `detected_at` is when the open finding was first made (None: nothing is open); `resolved_at` and
    `cured_by_version` are set once when an open finding's growth has ended. `forecast` is (p10, p50, p90) of reaching
    the limit, made at `forecast_at`; None without a limit or when it lies beyond the forecast's horizon.
    """

    verdict: Verdict
    diagnosis: Diagnosis
    detected_at: float | None
    started_at: float | None
    growth_bytes_per_hour: float | None
    growth_low: float | None
    growth_high: float | None
    bytes_per_request: float | None
    forecast: tuple[float, float, float] | None
    forecast_at: float | None
    version: str | None
    cured_by_version: str | None
    resolved_at: float | None
    suspects: tuple[Suspect, ...]
    evidence: Evidence | None
    sentence: str
    state: LeakState

    def evidence_json(self) -> dict[str, Any] | None:
        """Return the evidence as plain JSON values."""
        return None if self.evidence is None else asdict(self.evidence)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the state as plain JSON values."""
        plain = asdict(self)
        plain.pop("state")
        return plain
