"""A made-up service, process by process: load, live memory, a leak if there is one, and what an agent would report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from profiler_server.core.leak.replay import Recording
from profiler_server.core.leak.window import FloatArray, InstanceSeries, Marker

HOUR = 3600.0
MIB = 1024.0 * 1024.0
EPOCH = 1_760_000_400.0
RESTART_SECONDS = 60.0
MAX_LIVES = 200
CACHE_HOURS = 8.0
Load = Callable[[FloatArray], FloatArray]
Shape = Callable[[FloatArray, FloatArray], FloatArray]
"""(age in hours, relative load) of each point → bytes on top."""


def daily(depth: float = 0.5, peak_hour: float = 14.0) -> Load:
    """Return a load that swings by `depth` about 1 with the day."""
    return lambda hours: 1.0 + depth * np.cos(2 * np.pi * (hours - peak_hour) / 24.0)


@dataclass(frozen=True)
class Leak:
    """What is never given back. `per_hour` in bytes (or units of `resource`) at usual load.

    `by`: time, requests, errors or jobs (one a `job_hours`). It runs from `since` to `until` (hours of the recording),
    in processes whose replica and release are among `replicas` and `versions` (None: all).
    """

    per_hour: float
    by: str = "time"
    since: float = -1e9
    until: float = 1e9
    job_hours: float = 6.0
    resource: str | None = None
    native: bool = False
    replicas: frozenset[int] | None = None
    versions: frozenset[str] | None = None

    def strikes(self, replica: int, version: str) -> bool:
        """Whether a process of this replica and release leaks."""
        by_replica = self.replicas is None or replica in self.replicas
        return by_replica and (self.versions is None or version in self.versions)


@dataclass(frozen=True)
class Plan:
    """One service to be recorded; hours count from the recording's start. Shares are of `base` (bytes)."""

    verdict: str = "healthy"
    accept: tuple[str, ...] = ()
    language: str = "go"
    hours: float = 40.0
    interval: float = 300.0
    replicas: int = 3
    age_hours: float = 30.0
    base: float = 300 * MIB
    load: Load = field(default_factory=daily)
    requests_per_second: float = 40.0
    error_share: Load = field(default_factory=lambda: lambda hours: np.full(len(hours), 0.002))
    follows: float = 0.2
    lag_hours: float = 0.3
    bend: float = 1.0
    noise: float = 0.01
    noise_hours: float = 1.0
    warm_share: float = 0.1
    warm_hours: float = 0.7
    shape: Shape | None = None
    leak: Leak | None = None
    releases: tuple[tuple[float, str], ...] = ()
    canary: frozenset[int] | None = None
    restarts: Mapping[int, Sequence[float]] = field(default_factory=dict)
    runs: Mapping[int, Sequence[tuple[float, float]]] = field(default_factory=dict)
    limit: float | None = None
    hidden: tuple[str, ...] = ()
    lazy_ceiling: float = 0.0
    page_cache: float = 0.0
    missing: float = 0.0
    gaps: tuple[tuple[float, float], ...] = ()
    jitter: float = 0.0


@dataclass
class _Life:
    replica: int
    start: float
    end: float
    version: str
    ts: FloatArray
    columns: dict[str, FloatArray]
    killed_at: float | None


def record(name: str, family: str, plan: Plan, seed: int) -> tuple[Recording, dict[str, Any]]:
    """Return a service's recording and its label in the suite's format."""
    rng = np.random.default_rng(seed)
    lives = [life for replica in range(plan.replicas) for life in _lives_of(replica, plan, rng)]
    series = tuple(
        InstanceSeries(f"pod-{v.replica}", EPOCH + v.start * HOUR, v.version, EPOCH + v.ts * HOUR, v.columns)
        for v in lives
        if len(v.ts)
    )
    deploys = tuple(Marker(EPOCH + at * HOUR, "deploy", version) for at, version in plan.releases)
    recording = Recording(name, plan.language, plan.interval, plan.limit, deploys, series)
    return recording, _label(name, family, plan, lives)


def _version_at(plan: Plan, replica: int, hour: float) -> str:
    version = "v1"
    for at, new in plan.releases:
        if hour >= at and (plan.canary is None or replica in plan.canary):
            version = new
    return version


def _lives_of(replica: int, plan: Plan, rng: np.random.Generator) -> list[_Life]:
    """Return the process lives of one replica, ended by releases, restarts, and the memory limit."""
    if replica in plan.runs:
        return [_live(replica, a, b, plan, rng) for a, b in plan.runs[replica]]
    taken = plan.canary is None or replica in plan.canary
    rollout = 0.05 * replica
    ends = {at + rollout for at, _ in plan.releases if taken} | set(plan.restarts.get(replica, ()))
    bounds = [*sorted(end for end in ends if 0 < end < plan.hours), plan.hours]
    lives: list[_Life] = []
    start = -plan.age_hours * float(rng.uniform(0.8, 1.2))
    for end in bounds:
        while start < end and len(lives) < MAX_LIVES:
            life = _live(replica, start, end, plan, rng)
            lives.append(life)
            start = end if life.killed_at is None else life.killed_at + RESTART_SECONDS / HOUR
    return lives


def _walk(n: int, interval: float, hours: float, rng: np.random.Generator) -> FloatArray:
    """Return an Ornstein-Uhlenbeck walk of unit spread."""
    keep = float(np.exp(-interval / HOUR / hours))
    steps = rng.standard_normal(n) * np.sqrt(1 - keep**2)
    out = np.empty(n)
    x = float(rng.standard_normal())
    for i in range(n):
        x = keep * x + steps[i]
        out[i] = x
    return out


def _lagged(values: FloatArray, interval: float, hours: float) -> FloatArray:
    keep = float(np.exp(-interval / HOUR / hours))
    out = np.empty(len(values))
    x = float(values[0]) if len(values) else 0.0
    for i, v in enumerate(values.tolist()):
        x = keep * x + (1 - keep) * v
        out[i] = x
    return out


def _live(replica: int, start: float, end: float, plan: Plan, rng: np.random.Generator) -> _Life:
    step = plan.interval / HOUR
    grid = np.arange(start + step * float(rng.uniform(0.1, 0.9)), end, step)
    version = _version_at(plan, replica, start + 1e-6)
    load = np.maximum(plan.load(grid), 0.0)
    age = grid - start
    expected = load * plan.requests_per_second * plan.interval
    requests = rng.poisson(expected).astype(np.float64)
    errors = rng.poisson(expected * plan.error_share(grid)).astype(np.float64)
    follows = plan.follows * (_lagged(load, plan.interval, plan.lag_hours) ** plan.bend - 1.0)
    warm = -plan.warm_share * np.exp(-age / plan.warm_hours)
    walk = plan.noise * _walk(len(grid), plan.interval, plan.noise_hours, rng)
    live = plan.base * (1.0 + follows + warm + walk)
    if plan.shape is not None:
        live = live + plan.shape(age, load)
    leaked = np.zeros(len(grid))
    if plan.leak is not None and plan.leak.strikes(replica, version):
        leaked = _leaked(plan.leak, grid, load, errors, plan)
    columns = _columns(plan, np.maximum(live, 0.2 * plan.base), leaked, load, rng)
    columns |= {"requests": requests, "errors": errors}
    columns["p99_ms"] = 20 + 15 * load + rng.exponential(2.0, len(grid))
    killed = None
    if plan.limit is not None:
        over = np.flatnonzero(columns["rss_bytes"] >= plan.limit)
        if len(over):
            killed = float(grid[over[0]])
    keep = (grid >= 0) & (grid <= (killed if killed is not None else end))
    for a, b in plan.gaps:
        keep &= (grid < a) | (grid >= b)
    keep &= rng.random(len(grid)) >= plan.missing
    shown = np.sort(grid + plan.jitter * step * rng.uniform(-1, 1, len(grid)))[keep]
    told = {k: v[keep] for k, v in columns.items() if k not in plan.hidden}
    return _Life(replica, start, killed if killed is not None else end, version, shown, told, killed)


def _leaked(leak: Leak, grid: FloatArray, load: FloatArray, errors: FloatArray, plan: Plan) -> FloatArray:
    """Return what has leaked by each point of a life."""
    running = (grid >= leak.since) & (grid < leak.until)
    step = plan.interval / HOUR
    if leak.by == "jobs":
        job = np.floor(grid / leak.job_hours)
        return leak.per_hour * leak.job_hours * np.cumsum(np.diff(job, prepend=job[:1]) * running)
    if leak.by == "errors":
        usual = plan.requests_per_second * plan.interval * float(plan.error_share(grid).mean())
        return leak.per_hour * step * np.cumsum(errors / max(usual, 1e-9) * running)
    pace = load if leak.by == "requests" else np.ones(len(grid))
    return leak.per_hour * step * np.cumsum(pace * running)


def _columns(
    plan: Plan, live: FloatArray, leaked: FloatArray, load: FloatArray, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Return what the agent of the plan's language reports of a life."""
    n, leak = len(live), plan.leak
    units = leaked if leak is not None and leak.resource else np.zeros(n)
    outside = leaked if leak is not None and leak.native else np.zeros(n)
    held = live if leak is not None and (leak.native or leak.resource) else live + leaked
    found = _runtime(plan, held, rng)
    found["rss_bytes"] = found["rss_bytes"] + outside + rng.standard_normal(n) * 0.002 * plan.base
    if plan.page_cache:
        hours = np.arange(n) * plan.interval / HOUR
        cached = plan.page_cache * plan.base * (1.0 - np.exp(-hours / CACHE_HOURS))
        found["rss_anon_bytes"], found["rss_file_bytes"] = found["rss_bytes"], cached
        found["rss_bytes"] = found["rss_bytes"] + cached
    usual = {"threads": 24 + 6 * load, "fds": 60 + 40 * load, "goroutines": 120 + 150 * load}
    for name, middle in usual.items():
        if name == "goroutines" and plan.language != "go":
            continue
        grown = units if leak is not None and leak.resource == name else 0.0
        found[name] = np.round(middle + rng.poisson(4, n) + grown)
    return {k: np.maximum(v, 0.0) for k, v in found.items()}


def _runtime(plan: Plan, held: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
    n = len(held)
    if plan.lazy_ceiling:
        return _lazy(plan, held, rng)
    if plan.language == "go":
        inuse = held * (1.0 + 0.9 * rng.random(n))
        sys = np.maximum.accumulate(np.maximum(1.9 * held, inuse))
        released = 0.4 * (sys - inuse)
        rss = sys - released + 30 * MIB
        return {"heap_live_bytes": held, "heap_inuse_bytes": inuse, "heap_sys_bytes": sys,
                "heap_released_bytes": released, "heap_idle_bytes": sys - inuse, "rss_bytes": rss}  # fmt: skip
    if plan.language == "java":
        inuse = held * (1.0 + 0.5 * rng.random(n))
        sys = np.full(n, 2.5 * plan.base)
        rss = np.maximum.accumulate(inuse) + 0.5 * plan.base
        return {"heap_live_bytes": held, "heap_inuse_bytes": inuse, "heap_sys_bytes": sys, "rss_bytes": rss}
    free = 0.1 * np.maximum.accumulate(held)
    return {"heap_live_bytes": 0.8 * held, "native_inuse_bytes": held, "native_free_bytes": free,
            "rss_bytes": held + free + 20 * MIB}  # fmt: skip


def _lazy(plan: Plan, held: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Return a heap that is collected only when it meets its ceiling: live memory shows at collections alone."""
    n, inuse = len(held), np.empty(len(held))
    garbage, ceiling = 0.0, plan.lazy_ceiling * plan.base
    pace = 0.02 * plan.base * plan.interval / 300.0
    for i in range(n):
        garbage += pace * float(rng.uniform(0.5, 1.5))
        if held[i] + garbage > ceiling:
            garbage = 0.05 * plan.base
        inuse[i] = held[i] + garbage
    sys = np.maximum.accumulate(inuse)
    return {"heap_inuse_bytes": inuse, "heap_sys_bytes": sys, "rss_bytes": sys + 0.3 * plan.base}


def _label(name: str, family: str, plan: Plan, lives: Sequence[_Life]) -> dict[str, Any]:
    """Return the truth about a recording."""
    leak, end = plan.leak, EPOCH + plan.hours * HOUR
    guilty = [v for v in lives if leak is not None and leak.strikes(v.replica, v.version) and len(v.ts)]
    begins = max(0.0, leak.since if leak else 0.0, min((v.start for v in guilty), default=0.0))
    over = min(plan.hours, leak.until if leak else 1e9, max((v.end for v in guilty), default=1e9))
    killed = min((v.killed_at for v in guilty if v.killed_at is not None and v.killed_at > 0), default=None)
    is_leak = plan.verdict == "leak"
    named = leak.versions if is_leak and leak is not None else None
    return {
        "name": name,
        "family": family,
        "verdict": plan.verdict,
        "diagnosis": plan.accept[0] if plan.accept else "none",
        "diagnosis_accept": list(plan.accept),
        "trace_start": EPOCH,
        "trace_end": end,
        "leak_start_ts": EPOCH + begins * HOUR if is_leak else None,
        "leak_end_ts": EPOCH + over * HOUR if is_leak and over < plan.hours else None,
        "limit_reached_ts": EPOCH + killed * HOUR if is_leak and killed is not None else None,
        "growth_bytes_per_hour": leak.per_hour if is_leak and leak is not None else None,
        "resource": leak.resource if leak is not None else None,
        "version": next(iter(named)) if named and "v1" not in named else None,
        "instance_days": sum((v.end - max(v.start, 0.0)) / 24.0 for v in lives if len(v.ts)),
        "lives": [{"start": EPOCH + v.start * HOUR, "end": EPOCH + v.end * HOUR,
                   "hit": None if v.killed_at is None else EPOCH + v.killed_at * HOUR} for v in guilty],
        "guilty": [],
    }  # fmt: skip
