"""Bytes on disk and of WAL: a service's day of profiles and points against the gzip'd bodies, everything included.

``python -m benchmarks.store_size [--hours 24] [--only go|python|node|points]``
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import _database
from benchmarks._figures import at_least, at_most
from benchmarks._synthetic import CHANGING, go_service

if TYPE_CHECKING:
    from benchmarks._day import Source

GO_TARGET, PYTHON_TARGET = 60.0, 20.0
WAL_TARGET, POINT_TARGET = 7_000, 2.0
INSTANCES, INTERVAL_SECONDS = 4, 15.0
POINT_INTERVAL = 10.0
POINT_PROCESSES = (40, 10)
BODIES = 5
DICTIONARY_TABLES = ("dictionary", "frame", "label_set", "site", "type", "shape")


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--only", default="", choices=["", *PARTS])
    options = parser.parse_args(None if __name__ == "__main__" else [])
    _database.start()
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    span = (end - timedelta(hours=options.hours), end)
    print(
        f"{INSTANCES} instances, a profile every {INTERVAL_SECONDS:g} s for {options.hours} h, two releases at a time;"
    )
    print(f"{CHANGING:.0%} of the synthetic sites change between two profiles")
    for name, part in PARTS.items():
        if options.only in {"", name}:
            part(span)
    return 0


def go(span: tuple[datetime, datetime]) -> None:
    from benchmarks._day import GoSource  # noqa: PLC0415

    service = go_service()
    bodies = [len(service.body(counts)) for i, counts in enumerate(service.counts(1, 60)) if i % 12 == 0]
    measure("Go, 2,000 stacks", GoSource(service), float(np.mean(bodies)), span, GO_TARGET)


def python(span: tuple[datetime, datetime]) -> None:
    from benchmarks._day import PythonSource  # noqa: PLC0415

    source = PythonSource()
    measure("Python, 600 stacks", source, _mean_body(source), span, PYTHON_TARGET)


def node(span: tuple[datetime, datetime]) -> None:
    from benchmarks._node_heap import PROFILES, NodeSource, has_node  # noqa: PLC0415

    if not has_node():
        print("\nNode is not installed here: its profiles are not measured")
        return
    source = NodeSource()
    name = f"Node, {PROFILES} real profiles over and over, {len(source.sites)} stacks"
    measure(name, source, _mean_body(source), span, PYTHON_TARGET)


def _mean_body(source: Source) -> float:
    """Return the mean size of the first profiles as gzip'd pprof, without stacks that hold nothing."""
    from profiler_server.codecs import pprof  # noqa: PLC0415
    from profiler_server.core.profile import Profile  # noqa: PLC0415

    sizes = []
    for values in source.values(1, BODIES):
        some = np.flatnonzero(values.any(axis=1)).astype(np.int32)
        none = np.zeros(len(some), np.int32)
        profile = Profile(source.shape.sample_types, source.sites.stacks, some, values[some], ((),), none)
        sizes.append(len(pprof.encode(profile)))
    return float(np.mean(sizes))


def measure(
    name: str, source: object, body_bytes: float, span: tuple[datetime, datetime], target: float
) -> None:
    from benchmarks._day import compact, load  # noqa: PLC0415
    from profiler_server.profiles.actions.maintain_partitions import maintain_partitions  # noqa: PLC0415

    now = datetime.now(UTC)
    before = _stored()
    _database.execute("CHECKPOINT")
    wal = _database.wal_position()
    loaded = load(source, name, *span, instances=INSTANCES, interval=INTERVAL_SECONDS)
    hot = _database.table_bytes("profiles_hot%")
    wal_hot = _database.wal_position() - wal
    began = perf_counter()
    windows = compact(loaded, now)
    compacting = (perf_counter() - began) * 1000 / loaded.profiles
    wal = _database.wal_position() - wal
    maintain_partitions(now)
    parts = {kind: size - before[kind] for kind, size in _stored().items()}
    each = sum(parts.values()) / loaded.profiles
    count = loaded.profiles
    print(f"\n{name}: {count:,} profiles of {body_bytes:,.0f} bytes gzip'd, {windows} windows and hours")
    print(
        f"  hot {hot / count:,.0f} B each; insert {loaded.insert_ms:.2f} ms, compaction {compacting:.2f} ms each"
    )
    print(
        "  kept, B per profile: " + ", ".join(f"{kind} {size / count:,.0f}" for kind, size in parts.items())
    )
    print(at_least(f"  {each:,.0f} B per profile, below gzip'd pprof", body_bytes / each, target, "x"))
    print(
        at_most(f"  WAL, {wal_hot / count:,.0f} of it when it came", wal / count, WAL_TARGET, "B per profile")
    )


def points(span: tuple[datetime, datetime]) -> None:
    for processes in POINT_PROCESSES:
        _points(span, processes)


def _points(span: tuple[datetime, datetime], processes: int) -> None:
    from profiler_server.accounts.models import Project  # noqa: PLC0415
    from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance  # noqa: PLC0415
    from profiler_server.core.points import PointBatch  # noqa: PLC0415
    from profiler_server.series.actions.compact_hour import compact_hour  # noqa: PLC0415
    from profiler_server.series.actions.maintain_partitions import maintain_partitions  # noqa: PLC0415
    from profiler_server.series.actions.store_points import store_points  # noqa: PLC0415
    from profiler_server.series.due import due_hours  # noqa: PLC0415
    from profiler_server.storage.services import ServiceKey  # noqa: PLC0415

    project, _ = Project.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    now = datetime.now(UTC) + timedelta(minutes=30)
    wal = _database.wal_position()
    values = 0
    before = _point_bytes()
    for number in range(processes):
        instance = observe_instance(
            project.pk, InstanceIdentity(f"points-{processes}", f"h:{number}", span[0]), at=span[0]
        )
        rng = np.random.default_rng(number)
        ts = np.arange(span[0].timestamp(), span[1].timestamp(), POINT_INTERVAL)
        columns = point_columns(rng, len(ts))
        values += len(ts) * len(columns)
        for low in range(0, len(ts), 40):
            store_points(
                instance,
                PointBatch(ts[low : low + 40], {n: v[low : low + 40] for n, v in columns.items()}),
                now=now,
            )
    service = ServiceKey(project.pk, instance.service_id)
    for due in due_hours(now):
        if due.service == service:
            compact_hour(service, due.at)
    wal = _database.wal_position() - wal
    maintain_partitions(now)
    size = {kind: (found - before[kind]) / values for kind, found in _point_bytes().items()}
    each = sum(size.values())
    print(f"\npoints: {values:,} values, {processes} processes × 10 columns every {POINT_INTERVAL:g} s")
    print(f"  WAL {wal / values:.1f} B each; " + ", ".join(f"{kind} {one:.2f}" for kind, one in size.items()))
    print(at_most("  chunks alone", size["chunk"], POINT_TARGET, "B per value"))
    print(at_most("  with both tiers", each, POINT_TARGET, "B per value"))


def _point_bytes() -> dict[str, int]:
    return {kind: _database.table_bytes(f"series_{kind}%") for kind in ("chunk", "five_minutes", "hourly")}


def point_columns(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Return ten columns as a process has them: sizes in pages, counts, latencies with two decimals."""
    load = np.maximum(0, 60 + 40 * np.sin(np.arange(count) / 900) + rng.normal(0, 6, count))
    rss = np.round(40_000 + np.cumsum(rng.normal(0.2, 12, count))) * 4096
    live = np.round(rss * 0.6 + rng.normal(0, 1, count) * 4096 * 20)
    return {
        "rss_bytes": rss,
        "heap_live_bytes": np.round(live / 16) * 16,
        "heap_inuse_bytes": np.round(live * 1.1 / 8192) * 8192,
        "heap_sys_bytes": np.maximum.accumulate(np.round(live * 1.3 / 65536) * 65536),
        "threads": 18.0 + (rng.random(count) < 0.02),
        "fds": np.round(40 + load / 8),
        "requests": rng.poisson(load).astype(float),
        "errors": (rng.random(count) < 0.01).astype(float),
        "p50_ms": np.round(rng.gamma(30, 0.2, count), 2),
        "p99_ms": np.round(rng.gamma(20, 2.0, count), 1),
    }


def _stored() -> dict[str, int]:
    dictionary = sum(_database.table_bytes(f"profiles_{name}") for name in DICTIONARY_TABLES)
    return {
        "chunks": _database.table_bytes("profiles_chunk%"),
        "window sums": _database.table_bytes("profiles_window_sum%"),
        "hour sums": _database.table_bytes("profiles_hour_sum%"),
        "dictionary": dictionary,
    }


PARTS = {"go": go, "python": python, "node": node, "points": points}


if __name__ == "__main__":
    main()
