"""Compacted points read like fresh ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from profiler_server.accounts.models import Project
from profiler_server.catalog.actions.observe_instance import (
    InstanceIdentity,
    forget_instances,
    observe_instance,
)
from profiler_server.catalog.models import Instance
from profiler_server.core.points import point_batch
from profiler_server.series.actions.compact_hour import Outcome, compact_hour
from profiler_server.series.actions.maintain_partitions import maintain_partitions
from profiler_server.series.actions.store_points import store_points
from profiler_server.series.due import due_hours
from profiler_server.series.queries import read_series
from profiler_server.series.statements import HOT
from profiler_server.storage.partitions import partitions
from profiler_server.storage.services import ServiceKey

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START = NOW - timedelta(hours=8)
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def instances() -> Iterator[list[Instance]]:
    forget_instances()
    project = Project.objects.create(name="Shop", slug="shop")
    yield [
        observe_instance(project.pk, InstanceIdentity("cart", f"h:{n}", START), at=START) for n in range(2)
    ]
    forget_instances()


def push(instance: Instance, first: int, count: int) -> int:
    rng = np.random.default_rng(instance.pk + first)
    ts = [START.timestamp() + 10 * (first + i) for i in range(count)]
    columns = {
        "rss_bytes": (1e9 + rng.integers(0, 1 << 20, count) * 4096.0).tolist(),
        "p99_ms": [None if i % 7 == 0 else float(v) for i, v in enumerate(rng.gamma(3, 10, count))],
    }
    return store_points(instance, point_batch(ts, columns), now=LATER)


def compact(instances: list[Instance]) -> int:
    service = ServiceKey(instances[0].project_id, instances[0].service_id)
    hours = [due.at for due in due_hours(LATER) if due.service == service]
    return sum(compact_hour(service, at) is Outcome.DONE for at in hours)


def read(instances: list[Instance], **options: object) -> list[tuple[object, ...]]:
    span = (START + timedelta(minutes=3), START + timedelta(hours=7))
    found = read_series(instances[0].project_id, instances[0].service_id, *span, **options)
    return [
        (s.instance_id, s.name, s.ts.tolist(), s.values.tolist(), None if s.lows is None else s.lows.tolist())
        for s in found
    ]


def test_answers_are_the_same_before_and_after(instances: list[Instance]) -> None:
    for instance in instances:
        for first in range(0, 2_000, 40):
            push(instance, first, 40)
    before = read(instances), read(instances, max_points=100, names=["rss_bytes"])
    assert compact(instances) == 6
    assert compact(instances) == 0
    assert (read(instances), read(instances, max_points=100, names=["rss_bytes"])) == before
    maintain_partitions(LATER)
    assert not [p for p in partitions(HOT) if p.start == START]
    assert (read(instances), read(instances, max_points=100, names=["rss_bytes"])) == before


def test_late_points_are_merged(instances: list[Instance]) -> None:
    first = instances[0]
    for start in (0, 40, 120, 160):
        push(first, start, 40)
    compact(instances)
    maintain_partitions(LATER)
    push(first, 80, 40)
    push(first, 0, 40)
    waiting = read(instances)
    assert [len(one[2]) for one in waiting if one[1] == "rss_bytes"] == [200 - 18]
    assert compact(instances) == 1
    assert read(instances) == waiting


def test_tiers_serve_long_ranges_with_their_extremes(instances: list[Instance]) -> None:
    for first in range(0, 2_400, 200):
        push(instances[0], first, 200)
    compact(instances)
    service = ServiceKey(instances[0].project_id, instances[0].service_id)
    asked = (service.project_id, service.service_id, START, START + timedelta(hours=7))
    (raw,) = read_series(*asked, names=["p99_ms"])
    for max_points in (70, 6):  # five-minute and hourly tiers
        (thin,) = read_series(*asked, names=["p99_ms"], max_points=max_points)
        assert len(thin.ts) <= max_points
        assert thin.highs is not None
        assert thin.highs.max() == raw.values.max()
        assert thin.lows is not None
        assert thin.lows.min() == raw.values.min()
        assert abs(np.mean(thin.values) - raw.values.mean()) < 0.05 * raw.values.mean()
