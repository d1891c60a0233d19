"""Reads of points: series of one service, as many points as a picture has columns, extremes kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from profiler_server.catalog.models import Service
from profiler_server.core.errors import LimitExceeded
from profiler_server.series.column_sets import column_sets
from profiler_server.series.model import Series, downsample
from profiler_server.series.reading import Reading, read_points
from profiler_server.storage.consistent import consistent_reads
from profiler_server.storage.services import ServiceKey

MAX_SERIES = 2_000
MAX_POINTS_PER_SERIES = 20_000

__all__ = ["Series", "read_series", "read_stored", "series_names"]


def read_series(
    project_id: int,
    service_id: int,
    start: datetime,
    end: datetime,
    *,
    names: Sequence[str] | None = None,
    instance_ids: Iterable[int] | None = None,
    max_points: int | None = None,
) -> list[Series]:
    """Return the series with points in [start, end), by instance and name; None means all names or instances.

    With `max_points` each has at most so many points (means with lows and highs). Raises `LimitExceeded` when more
    than `MAX_SERIES` series would come.
    """
    found = read_stored(
        project_id, service_id, start, end, names=names, instance_ids=instance_ids, max_points=max_points
    )
    if max_points is None:
        return found
    span = (start.timestamp(), end.timestamp())
    return [downsample(series, *span, min(max_points, MAX_POINTS_PER_SERIES)) for series in found]


def read_stored(
    project_id: int,
    service_id: int,
    start: datetime,
    end: datetime,
    *,
    names: Sequence[str] | None = None,
    instance_ids: Iterable[int] | None = None,
    max_points: int | None = None,
) -> list[Series]:
    """Return what `read_series` does before it is thinned: for a reader that puts the points into bins of its own.

    They come from the coarsest tier that has `max_points` or more; `lows` and `highs` are None where that is the points
    as they were sent.
    """
    wanted = None if instance_ids is None else sorted(set(instance_ids))
    reading = Reading(
        ServiceKey(project_id, service_id), start, end, None if names is None else tuple(names), wanted
    )
    with consistent_reads():
        found = read_points(reading, max_points)
    if len(found) > MAX_SERIES:
        raise LimitExceeded(
            f"{len(found)} series match; at most {MAX_SERIES} can be read: name instances or columns."
        )
    return found


def series_names(service_id: int) -> list[str]:
    """Return the names of all columns that the service has ever sent, sorted."""
    project_id = Service.objects.values_list("project_id", flat=True).get(pk=service_id)
    return sorted(
        {name for names in column_sets(ServiceKey(project_id, service_id)).values() for name in names}
    )
