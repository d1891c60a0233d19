"""Stores a fleet of a thousand services with a day of points and some findings, for the benchmark of the fleet page."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks._thousand_services_size import EVERY_FINDING, EVERY_SUSPECT, INTERVAL, SECONDS, SERVICES
from tests.browser.seed import make_project  # first: it sets Django up

# isort: split
from django.utils import timezone

from dashboards.fleet_rows import fleet_rows
from profiler_server.accounts.models import Project
from profiler_server.analysis.models import Family, Finding, ServiceWatch
from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance
from profiler_server.catalog.models import Service
from profiler_server.core.points import point_batch
from profiler_server.series.actions.store_points import store_points

MIB = 1 << 20
OWNERS, TEAMS = 40, ("checkout", "search", "billing", "media", "identity")
ROUNDS = 9


def main() -> None:
    """Fill the database of the environment and print the processor time of the rows in milliseconds."""
    random, end = np.random.default_rng(2), time.time() - 30
    project, _ = make_project()
    ts = end - SECONDS + INTERVAL * np.arange(SECONDS // INTERVAL)
    wave = 1 + 0.4 * np.sin(np.arange(len(ts)) / 20)
    for number in range(SERVICES):
        identity = InstanceIdentity(
            f"{TEAMS[number % len(TEAMS)]}-{number:04}", "host:1", datetime.fromtimestamp(ts[0] - 60, UTC),
            release="v1", language="go" if number % 2 else "python",
        )  # fmt: skip
        observe_instance(project.pk, identity, at=datetime.fromtimestamp(float(ts[0]), UTC))
        instance = observe_instance(project.pk, identity, at=datetime.fromtimestamp(end, UTC))
        noise = random.normal(1, 0.02, len(ts))
        columns = {"rss_bytes": 3e8 * wave * noise, "requests": 100 * wave}
        store_points(
            instance, point_batch(ts.tolist(), {name: values.tolist() for name, values in columns.items()})
        )
    _states(project)
    print(processor_ms(project))


def _states(project: Project) -> None:
    now = timezone.now()
    for number, service in enumerate(Service.objects.filter(project=project).order_by("pk")):
        Service.objects.filter(pk=service.pk).update(owner_email=f"owner{number % OWNERS}@example.org")
        ServiceWatch.objects.update_or_create(
            service=service,
            defaults={"project": project, "verdict": "healthy", "sentence": "No leak: memory follows the load.",
                      "suspected_at": now if number % EVERY_SUSPECT == 0 else None},
        )  # fmt: skip
        if number % EVERY_FINDING == 0:
            Finding.objects.create(
                project=project, service=service, family=Family.HEAP, diagnosis="heap_leak", started_at=now,
                detected_at=now, updated_at=now, growth_bytes_per_hour=9.0 * MIB, limit_bytes=512 * MIB,
                forecast_p50_at=now + timedelta(hours=1 + number / 10), verdict="Heap leak: 9.0 MiB an hour.",
            )  # fmt: skip


def processor_ms(project: Project) -> float:
    """Return the median processor time of gathering all rows, which other load does not lengthen."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        fleet_rows(project.pk, timezone.now())
        took.append((time.process_time() - began) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    main()
