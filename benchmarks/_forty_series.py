"""Stores a day of ten instances with memory, load and latency, for the benchmark of the service page."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime

import numpy as np

from benchmarks._forty_series_size import INSTANCES, INTERVAL, SECONDS, SERVICE
from tests.browser.seed import make_project  # first: it sets Django up

# isort: split
from django.contrib.auth.models import User
from django.test import RequestFactory

from dashboards.scope import scope_of
from dashboards.service_page import ServiceAddress, pictures
from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance
from profiler_server.core.points import point_batch
from profiler_server.series.actions.store_points import store_points

POINTS_PER_BATCH = 500
ROUNDS = 9


def main() -> None:
    """Fill the database of the environment."""
    random, end = np.random.default_rng(1), time.time() - 30
    project, user = make_project()
    ts = end - SECONDS + INTERVAL * np.arange(SECONDS // INTERVAL)
    wave = 1 + 0.5 * np.sin(np.arange(len(ts)) / 300)
    for number in range(INSTANCES):
        began = datetime.fromtimestamp(ts[0] - 60, UTC)
        identity = InstanceIdentity(SERVICE, f"host-{number}:1", began, release="v1", language="go")
        noise = random.normal(1, 0.02, (5, len(ts)))
        columns = {
            "rss_bytes": 4e8 * wave * noise[0], "heap_live_bytes": 3e8 * wave * noise[1],
            "requests": 100 * wave * noise[2], "p99_ms": 30 * wave * noise[3], "p50_ms": 8 * wave * noise[4],
            "heap_inuse_bytes": 3.2e8 * wave, "heap_idle_bytes": 5e7 * wave, "stack_bytes": 1e6 * wave,
        }  # fmt: skip
        for low in range(0, len(ts), POINTS_PER_BATCH):
            part = slice(low, low + POINTS_PER_BATCH)
            at = datetime.fromtimestamp(float(ts[part][-1]), UTC)
            instance = observe_instance(project.pk, identity, at=at)
            batch = point_batch(
                ts[part].tolist(), {name: values[part].tolist() for name, values in columns.items()}
            )
            store_points(instance, batch)
    print(processor_ms(user))


def processor_ms(user: User) -> float:
    """Return the median processor time of one answer with all pictures, which other load does not lengthen."""
    request = RequestFactory().get(f"/services/{SERVICE}/pictures/?last=24h")
    request.user, request.session = user, {}  # type: ignore[assignment]
    scope = scope_of(request)
    assert scope is not None
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        pictures(scope, ServiceAddress.of(request, scope, SERVICE))
        took.append((time.process_time() - began) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    main()
