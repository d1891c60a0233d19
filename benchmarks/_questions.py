"""What `benchmarks.queries` loads and asks. Import only after Django is set up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
from django.db import connection

from benchmarks._day import GoSource, compact, load
from benchmarks._synthetic import GoService
from benchmarks.store_size import POINT_INTERVAL, point_columns
from profiler_server.accounts.models import Project
from profiler_server.api.views.catalog import numbers, series_as_json
from profiler_server.api.views.flame import tree_as_json
from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance
from profiler_server.catalog.models import Service
from profiler_server.core.points import PointBatch
from profiler_server.core.tree import FlameTree
from profiler_server.profiles import queries
from profiler_server.profiles.actions.maintain_partitions import maintain_partitions
from profiler_server.profiles.queries import ProfileSelection, SiteGrowth
from profiler_server.series.actions.compact_hour import compact_hour
from profiler_server.series.actions.maintain_partitions import maintain_partitions as maintain_points
from profiler_server.series.actions.store_points import store_points
from profiler_server.series.due import due_hours
from profiler_server.series.queries import read_series
from profiler_server.storage.services import ServiceKey as PointsKey
from profiler_server.storage.times import WINDOW

NAME, INSTANCES, INTERVAL, SERIES = "shop", 4, 15.0, 40
MAX_NODES, MAX_POINTS, GROWING = 2_000, 1_000, 50


def load_everything(service: GoService, start: datetime, now: datetime) -> None:
    """Write the service's profiles and points; what is over is compacted, the last minutes are hot."""
    loaded = load(GoSource(service), NAME, start, now, instances=INSTANCES, interval=INTERVAL)
    compact(loaded, now)
    project = Project.objects.get(slug="bench")
    for number in range(SERIES):
        instance = observe_instance(project.pk, InstanceIdentity("points", f"h:{number}", start), at=start)
        ts = np.arange(start.timestamp(), now.timestamp(), POINT_INTERVAL)
        columns = point_columns(np.random.default_rng(number), len(ts))
        for low in range(0, len(ts), 360):
            part = PointBatch(ts[low : low + 360], {name: v[low : low + 360] for name, v in columns.items()})
            store_points(instance, part, now=now + timedelta(minutes=5))
    key = PointsKey(project.pk, instance.service_id)
    for due in due_hours(now + timedelta(days=1)):  # as if nothing had come for a day
        compact_hour(key, due.at)
    maintain_partitions(now)
    maintain_points(now)


def questions(start: datetime, end: datetime, now: datetime) -> dict[str, Callable[[], object]]:
    """Return what is asked, by name; each answer is ready for the API's `encode_json`."""
    service = Service.objects.get(name=NAME)
    points = Service.objects.get(name="points")
    hour = timedelta(hours=1)

    def over(first: datetime, last: datetime, **options: object) -> ProfileSelection:
        return ProfileSelection(service.project_id, service.pk, first, last, **options)

    def series() -> list[object]:
        found = read_series(
            points.project_id, points.pk, start, end, names=["rss_bytes"], max_points=MAX_POINTS
        )
        assert len(found) == SERIES
        return [series_as_json(one) for one in found]

    return {
        "flame graph of 24 h": lambda: _tree(queries.flame(over(start, end), max_nodes=MAX_NODES)),
        "flame graph of 24 h ending now": lambda: _tree(
            queries.flame(over(now - (end - start), now), max_nodes=MAX_NODES)
        ),
        "diff of two windows": lambda: _tree(
            queries.diff(over(end - hour, end), over(end - 2 * hour, end - hour), max_nodes=MAX_NODES)
        ),
        "top 50 growing sites over 24 h": lambda: _growth(
            queries.site_growth(over(start, end), buckets=round((end - start) / WINDOW), limit=GROWING)
        ),
        "label filter over 24 h": lambda: _tree(
            queries.flame(over(start, end, labels={"zone": "z1"}), max_nodes=MAX_NODES)
        ),
        "24 h × 40 series to 1,000 points": series,
    }


def copy_to_others(others: int, recent: datetime) -> None:
    """Copy the service's rows under other ids: the sums of all the time, the chunks since `recent`."""
    from benchmarks.queries import OTHER_TABLES  # noqa: PLC0415

    with connection.cursor() as cursor:
        for table, condition in OTHER_TABLES.items():
            cursor.execute(
                "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = %s::regclass"
                " AND attnum > 0 AND attname NOT IN ('service_id') AND NOT attisdropped",
                [table],
            )
            columns = cursor.fetchone()[0]
            cursor.execute(
                f"INSERT INTO {table} (service_id, {columns}) SELECT service_id + 1000 * n, {columns}"
                f" FROM {table}, generate_series(1, %(others)s) AS n WHERE service_id < 1000 AND {condition}",
                {"others": others, "recent": recent},
            )


def remove_others() -> None:
    """Undo `copy_to_others`."""
    from benchmarks.queries import OTHER_TABLES  # noqa: PLC0415

    with connection.cursor() as cursor:
        for table in OTHER_TABLES:
            cursor.execute(f"DELETE FROM {table} WHERE service_id >= 1000")
        cursor.execute("VACUUM ANALYZE")


def _tree(tree: FlameTree) -> dict[str, object]:
    return tree_as_json(tree, {})


def _growth(growth: SiteGrowth) -> dict[str, object]:
    return {
        "sites": [[frame.function for frame in site] for site in growth.sites],
        "ts": numbers(growth.ts),
        "values": [numbers(row) for row in growth.values],
    }
