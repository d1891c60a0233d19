"""The families: what each service looks like, leaking and healthy, with parameters drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.families.world import MIB, Leak, Load, Plan, daily

Rng = np.random.Generator
Family = Callable[[Rng, bool], Plan]
"""(generator, whether it is to leak) → the service."""
ANY_HEALTHY = ("none", "load_following", "warm_up", "step", "spikes", "high_water", "fragmentation",
               "runtime_retention")  # fmt: skip


def _plan(rng: Rng, leak: Leak | None, accept: tuple[str, ...] = ("heap_leak",), **changes: object) -> Plan:
    """Return a service of random size and language that leaks if `leak` is given."""
    base = float(np.exp(rng.uniform(np.log(120), np.log(1500)))) * MIB
    plan = Plan(base=base, load=daily(float(rng.uniform(0.2, 0.6))), noise=float(rng.uniform(0.004, 0.015)))
    plan = replace(plan, follows=float(rng.uniform(0.05, 0.35)))
    plan = replace(plan, **changes)  # type: ignore[arg-type]
    scaled = None if leak is None else leak
    if scaled is not None and scaled.resource is None:
        scaled = replace(scaled, per_hour=scaled.per_hour * plan.base)
    verdict, said = ("leak", accept) if leak is not None else ("healthy", ANY_HEALTHY)
    return replace(plan, leak=scaled, verdict=verdict, accept=said)


def _share(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def canary(rng: Rng, leaks: bool) -> Plan:
    bad = frozenset({int(rng.integers(0, 5))})
    leak = Leak(_share(rng, 0.01, 0.03), versions=frozenset({"v2"})) if leaks else None
    at = float(rng.uniform(15, 25))
    return _plan(rng, leak, replicas=5, releases=((at, "v2"),), canary=bad, hours=at + 36)


def bad_replica(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.008, 0.02), replicas=frozenset({2})) if leaks else None
    return _plan(rng, leak, replicas=6, hours=48, language="python")


def _weekly(depth: float) -> Load:
    def load(hours: np.ndarray) -> np.ndarray:
        weekend = ((hours / 24.0) % 7.0) >= 5.0
        return np.asarray(daily(0.5)(hours) * np.where(weekend, 1.0 - depth, 1.0))

    return load


def weekly(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.0005, 0.0015)) if leaks else None
    load = _weekly(float(rng.uniform(0.4, 0.7)))
    return _plan(rng, leak, load=load, hours=16 * 24, interval=900.0, replicas=2, follows=0.3, age_hours=100)


def traffic_step(rng: Rng, leaks: bool) -> Plan:
    at, by = float(rng.uniform(15, 25)), float(rng.uniform(0.6, 1.5))
    usual = daily(0.3)
    leak = Leak(_share(rng, 0.006, 0.02), by="requests") if leaks else None
    return _plan(rng, leak, load=lambda h: usual(h) * np.where(h > at, 1 + by, 1.0), hours=60, follows=0.25)


def ballast(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.001, 0.003)) if leaks else None
    return _plan(rng, leak, base=2048 * MIB, noise=0.002, follows=0.03, hours=72, replicas=2)


def lazy_jvm(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.01, 0.02)) if leaks else None
    ceiling = float(rng.uniform(3.0, 4.5))
    return _plan(rng, leak, language="java", lazy_ceiling=ceiling, hours=72, replicas=2, age_hours=3)


def long_ttl(rng: Rng, leaks: bool) -> Plan:
    hours, height = float(rng.uniform(6, 20)), float(rng.uniform(0.3, 1.0))
    if leaks:
        return _plan(rng, Leak(height / 16.0, by="requests"), hours=72, age_hours=0.2)
    plan = _plan(rng, None, hours=96, age_hours=0.2)
    return replace(
        plan, shape=lambda age, _load: np.asarray(height * plan.base * np.minimum(age / hours, 1.0))
    )


def jobs(rng: Rng, leaks: bool) -> Plan:
    every = float(rng.uniform(3, 8))
    if leaks:
        return _plan(rng, Leak(_share(rng, 0.006, 0.02), by="jobs", job_hours=every), hours=96, follows=0.05)
    plan = _plan(rng, None, hours=96, follows=0.05)
    height = float(rng.uniform(0.2, 0.6)) * plan.base
    return replace(plan, shape=lambda age, _load: np.asarray(height * ((age % every) < 0.25 * every)))


def _bursts(rng: Rng) -> Load:
    begins = rng.uniform(0, 96, 8)
    long = rng.uniform(0.5, 3.0, 8)

    def share(hours: np.ndarray) -> np.ndarray:
        on = ((hours[:, None] >= begins) & (hours[:, None] < begins + long)).any(axis=1)
        return np.where(on, 0.08, 0.002)

    return share


def errors(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.01, 0.03), by="errors") if leaks else None
    return _plan(rng, leak, error_share=_bursts(rng), hours=96, replicas=2)


def fixed(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.015, 0.03), versions=frozenset({"v1"})) if leaks else None
    return _plan(rng, leak, releases=((40.0, "v2"),), hours=90)


def resource(rng: Rng, leaks: bool) -> Plan:
    kind = str(rng.choice(["threads", "fds", "goroutines"]))
    leak = Leak(float(rng.uniform(3, 12)), resource=kind, by="requests") if leaks else None
    return _plan(rng, leak, ("resource_leak",), hours=48)


def native(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.01, 0.03), native=True) if leaks else None
    return _plan(rng, leak, ("native_leak",), hours=60, language=str(rng.choice(["go", "java"])))


def page_cache(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.01, 0.02)) if leaks else None
    hidden = () if rng.random() < 0.5 else ("rss_anon_bytes", "rss_file_bytes")
    share = float(rng.uniform(0.2, 0.6))
    return _plan(rng, leak, page_cache=share, hidden=hidden, hours=72, language="python", age_hours=2)


def crash_loop(rng: Rng, leaks: bool) -> Plan:
    plan = _plan(rng, Leak(_share(rng, 0.08, 0.2)) if leaks else None, hours=40, replicas=2, warm_hours=0.2)
    if leaks:
        return replace(plan, limit=2.6 * plan.base + 30 * MIB, hidden=("heap_live_bytes",))
    ends = {k: np.cumsum(rng.uniform(0.2, 2.5, 60)).tolist() for k in range(2)}
    return replace(plan, restarts=ends)


def rss_alone(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.01, 0.03)) if leaks else None
    kept = {"rss_bytes"}
    hidden = tuple(n for n in ("heap_live_bytes", "heap_inuse_bytes", "heap_sys_bytes", "heap_released_bytes",
                   "heap_idle_bytes", "native_inuse_bytes", "native_free_bytes", "threads", "fds", "goroutines",
                   "requests", "errors", "p99_ms") if n not in kept)  # fmt: skip
    return _plan(rng, leak, hidden=hidden, hours=72, language="python")


def gaps(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.01, 0.03)) if leaks else None
    holes = tuple((a, a + float(rng.uniform(1, 5))) for a in rng.uniform(2, 60, 5).tolist())
    return _plan(rng, leak, gaps=holes, missing=0.35, hours=66)


def jitter(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.01, 0.03)) if leaks else None
    return _plan(rng, leak, jitter=0.9, missing=0.05, interval=60.0, hours=48, replicas=2)


def autoscaling(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.02, 0.04)) if leaks else None
    runs = {}
    for k in range(8):
        if k < 2:
            runs[k] = [(-30.0, 72.0)]
        else:
            runs[k] = [(24 * d + 6 + k + float(rng.uniform(0, 1)), 24 * d + 23 - k + float(rng.uniform(0, 1)))
                       for d in range(3)]  # fmt: skip
    return _plan(rng, leak, runs=runs, replicas=8, hours=72, load=daily(0.5))


def very_slow(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.00025, 0.0006)) if leaks else None
    return _plan(rng, leak, hours=15 * 24, interval=900.0, replicas=2, age_hours=200)


def nightly_restart(rng: Rng, leaks: bool) -> Plan:
    leak = Leak(_share(rng, 0.006, 0.015)) if leaks else None
    ends = {k: [3.0 + 24 * d + 0.1 * k for d in range(6)] for k in range(3)}
    return _plan(rng, leak, restarts=ends, hours=5 * 24)


def leader(rng: Rng, leaks: bool) -> Plan:
    """One replica takes over the leadership, and with it a second store of data."""
    plan = _plan(rng, Leak(_share(rng, 0.01, 0.02)) if leaks else None, hours=60)
    at, height = float(rng.uniform(40, 60)), float(rng.uniform(0.3, 0.8)) * plan.base
    return replace(plan, shape=lambda age, _load: np.asarray(height * (age > at)), age_hours=30)


def nonlinear(rng: Rng, leaks: bool) -> Plan:
    """Memory follows the square of the load, with a lag of hours."""
    leak = Leak(_share(rng, 0.01, 0.02)) if leaks else None
    return _plan(rng, leak, bend=2.0, lag_hours=1.5, follows=0.3, hours=60)


def young(rng: Rng, leaks: bool) -> Plan:
    """A service that was started when the recording began, its traffic still ramping up over two days."""
    leak = Leak(_share(rng, 0.015, 0.03)) if leaks else None
    swing = daily(0.3)
    return _plan(
        rng, leak, age_hours=0.1, load=lambda h: swing(h) * (0.3 + 0.7 * np.clip(h / 48, 0, 1)), hours=60
    )


FAMILIES: dict[str, Family] = {
    make.__name__: make
    for make in (canary, bad_replica, weekly, traffic_step, ballast, lazy_jvm, long_ttl, jobs, errors, fixed,
                 resource, native, page_cache, crash_loop, rss_alone, gaps, jitter, autoscaling, very_slow,
                 nightly_restart, leader, nonlinear, young)
}  # fmt: skip
