"""A service's day in the store: instances that send a profile every so often, written by the product's own statements.

Import only after Django is set up (`_database.start()`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

import numpy as np

from benchmarks._synthetic import RATE, TYPES, GoService
from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance
from profiler_server.catalog.models import Instance
from profiler_server.core.profile import Frame, Int64Array, SampleType, StackTable
from profiler_server.profiles.actions.compact_service import compact_service
from profiler_server.profiles.blocks import Origin, gather_sites
from profiler_server.profiles.due import due_windows
from profiler_server.profiles.hot_rows import HotProfile, write_hot
from profiler_server.profiles.interning import SiteTable, intern_sites
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.preparing import PreparedProfile
from profiler_server.profiles.shapes import Shape, intern_shape
from profiler_server.profiles.statements import HOT
from profiler_server.storage.partitions import ensure_partitions
from profiler_server.storage.times import WINDOW

PROFILES_PER_COMMIT = 20


@dataclass(frozen=True, eq=False)
class Source:
    """What a service's profiles have in common, and how their values go."""

    sites: SiteTable
    shape: Shape
    sizes: Int64Array  # block sizes by row, 0 = unknown

    def values(self, seed: int, profiles: int) -> Iterator[Int64Array]:
        """Yield int64[rows, types] of one instance, profile by profile."""
        raise NotImplementedError


class GoSource(Source):
    """Go's heap: four values from two counts."""

    def __init__(self, service: GoService) -> None:
        distinct, label_ids = np.unique(service.sizes, return_inverse=True)
        labels = tuple((("bytes", size),) for size in distinct.tolist())
        sites = SiteTable(service.stacks, np.arange(len(service.sizes)), labels, label_ids)
        super().__init__(sites, Shape(TYPES, SampleType("space", "bytes"), RATE), service.sizes)
        object.__setattr__(self, "service", service)

    def values(self, seed: int, profiles: int) -> Iterator[Int64Array]:
        for counts in self.service.counts(seed, profiles):  # type: ignore[attr-defined]
            yield self.service.values(counts)  # type: ignore[attr-defined]


class PythonSource(Source):
    """Python's or Node's heap: objects and bytes as they are, no addresses, no sampling."""

    changing = 0.25

    def __init__(self, stacks: int = 600) -> None:
        rng = np.random.default_rng(3)
        frames = tuple(
            Frame(f"handle_{i % 61}", f"/srv/app/shop/module_{i % 83}.py", 10 + i % 700) for i in range(1_500)
        )
        rows = [rng.integers(0, len(frames), rng.integers(6, 17)) for _ in range(stacks)]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
        table = StackTable(frames, offsets, np.concatenate(rows).astype(np.int32))
        zeros = np.zeros(stacks, np.int64)
        super().__init__(
            SiteTable(table, np.arange(stacks), ((),), zeros),
            Shape((SampleType("inuse_objects", "count"), SampleType("inuse_space", "bytes"))),
            zeros,
        )

    def values(self, seed: int, profiles: int) -> Iterator[Int64Array]:
        rng = np.random.default_rng(seed)
        count = len(self.sites)
        mean_size = rng.lognormal(5, 1, count)
        objects = rng.geometric(0.01, count)
        space = (objects * mean_size).astype(np.int64)
        for _ in range(profiles):
            step = (rng.random(count) < self.changing) * rng.integers(-3, 4, count)
            step = np.maximum(step, -objects)
            objects = objects + step
            space = np.maximum(0, space + (step * mean_size * rng.uniform(0.5, 1.5, count)).astype(np.int64))
            yield np.stack([objects, space], axis=1)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was written: the service, its instances, how many profiles and how long it took per profile."""

    service: ServiceKey
    instances: list[Instance]
    profiles: int
    insert_ms: float


def load(
    source: Source, name: str, start: datetime, end: datetime, *, instances: int, interval: float
) -> Loaded:
    """Write the profiles of [start, end) as hot rows."""
    project, _ = Project.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    found = []
    for number in range(instances):
        identity = InstanceIdentity(
            name, f"h:{number}", start, f"v{1 + number % 2}", labels={"zone": f"z{number % 2}"}
        )
        found.append(observe_instance(project.pk, identity, at=start))
    service = ServiceKey(project.pk, found[0].service_id)
    stored = intern_shape(service, source.shape)
    site_ids = intern_sites(service, source.sites)
    by_site = np.zeros(int(site_ids.max()) + 1, np.int64)
    by_site[site_ids] = source.sizes
    origin = Origin(len(stored.type_ids), stored.shape.go_rate, by_site)
    times = [
        start + timedelta(seconds=interval * i) for i in range(int((end - start).total_seconds() / interval))
    ]
    ensure_partitions(HOT, times)
    spent = 0.0
    for instance in found:
        rows: list[HotProfile] = []
        for at, values in zip(times, source.values(instance.pk, len(times)), strict=True):
            rows.append(
                HotProfile(instance, at, PreparedProfile(stored, gather_sites(site_ids, values), origin, 0))
            )
            if len(rows) == PROFILES_PER_COMMIT or at == times[-1]:
                began = perf_counter()
                write_hot(rows)
                spent += perf_counter() - began
                rows = []
    profiles = len(times) * len(found)
    return Loaded(service, found, profiles, spent * 1000 / profiles)


def compact(loaded: Loaded, now: datetime) -> int:
    """Compact everything that is due; return how many windows and hours were written."""
    settled = now + timedelta(days=1)  # as if nothing had come for a day
    due = [one.at for one in due_windows(settled) if one.service == loaded.service]
    return compact_service(loaded.service, [at for at in due if at + WINDOW <= now], now=now)
