"""What there is: services, snapshots, labels and series."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.http import HttpRequest, HttpResponse

from profiler_server.api.access import endpoint
from profiler_server.api.questions import (
    DEFAULT_POINTS,
    DEFAULT_SNAPSHOTS,
    MAX_POINTS,
    MAX_SNAPSHOTS,
    bounded_number,
    question,
    span,
)
from profiler_server.api.responses import json_answer
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.models import Instance, Marker
from profiler_server.codecs.selection_query import Asked
from profiler_server.core.profile import FloatArray, Int64Array
from profiler_server.profiles import queries
from profiler_server.profiles.model import SnapshotInfo
from profiler_server.series.queries import Series, read_series, series_names

POINT_DECIMALS = 3
MAX_WHOLE = 2.0**53


@endpoint("GET")
def services(request: HttpRequest, project_id: int) -> HttpResponse:
    """Answer with the project's services."""
    found = [
        {
            "name": each.name,
            "language": each.language,
            "owner_email": each.owner_email,
            "memory_limit_bytes": each.memory_limit_bytes,
        }
        for each in catalog.services(project_id)
    ]
    return json_answer(request, {"services": found})


@endpoint("GET")
def series(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with series, downsampled to `max_points` with their lows and highs kept, and the markers beside them."""
    asked = question(request, project_id, name)
    names = [word for word in request.GET.get("names", "").split(",") if word]
    found = read_series(
        project_id,
        asked.service.pk,
        asked.asked.start,
        asked.asked.end,
        names=names or None,
        instance_ids=asked.asked.instance_ids,
        max_points=bounded_number(request, "max_points", default=DEFAULT_POINTS, most=MAX_POINTS, least=2),
    )
    marks = catalog.markers(asked.service.pk, asked.asked.start, asked.asked.end)
    content = {
        **span(asked.asked),
        "series": [series_as_json(each) for each in found],
        "markers": [_marker(mark) for mark in marks],
    }
    return json_answer(request, content)


@endpoint("GET")
def snapshots(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with the stored snapshots of a range, newest first; `spread` thins them out evenly over time."""
    asked = question(request, project_id, name)
    limit = bounded_number(request, "limit", default=DEFAULT_SNAPSHOTS, most=MAX_SNAPSHOTS)
    spread = bounded_number(request, "spread", default=0, most=MAX_SNAPSHOTS)
    found = queries.snapshots(asked.selection, limit=MAX_SNAPSHOTS if spread else limit)
    if spread:
        found = thinned(found, asked.asked, spread)
    names = {each.pk: each.key for each in _instances(asked.service.pk, {info.instance_id for info in found})}
    listed = [
        {
            "id": info.id,
            "instance_id": info.instance_id,
            "instance": names.get(info.instance_id, ""),
            "taken_at": info.taken_at.timestamp(),
            "release": info.release,
            "sample_types": [kind.name for kind in info.sample_types],
            "stacks": info.stacks,
            "totals": info.totals,
            "pinned": info.pinned,
        }
        for info in found
    ]
    return json_answer(request, {**span(asked.asked), "snapshots": listed})


@endpoint("GET")
def labels(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with what a question about this service can name: labels, instances, releases and series."""
    asked = question(request, project_id, name)
    alive = catalog.instances(asked.service.pk, asked.asked.start, asked.asked.end)
    content = {
        **span(asked.asked),
        "labels": queries.label_values(project_id, asked.service.pk),
        "sample_types": [kind.name for kind in queries.sample_types(project_id, asked.service.pk)],
        "instances": [_instance(each) for each in alive],
        "releases": [each.version for each in catalog.releases(asked.service.pk)],
        "series": list(series_names(asked.service.pk)),
    }
    return json_answer(request, content)


def thinned(found: list[SnapshotInfo], asked: Asked, count: int) -> list[SnapshotInfo]:
    """Return the newest snapshot of each of `count` equal parts of the range, and every pinned one, in their order."""
    part = (asked.end - asked.start) / count
    seen: set[int] = set()
    kept = []
    for info in found:
        place = (info.taken_at - asked.start) // part
        if info.pinned or place not in seen:
            kept.append(info)
            seen.add(place)
    return kept


def _instances(service_id: int, wanted: set[int]) -> list[Instance]:
    return list(Instance.objects.filter(service_id=service_id, pk__in=wanted))


def _instance(each: Instance) -> dict[str, Any]:
    return {
        "id": each.pk,
        "key": each.key,
        "release": each.release,
        "started_at": each.started_at.timestamp(),
        "last_seen_at": each.last_seen_at.timestamp(),
        "labels": each.labels,
    }


def series_as_json(each: Series) -> dict[str, Any]:
    """Return one series as every answer writes it."""
    shown: dict[str, Any] = {
        "instance_id": each.instance_id,
        "name": each.name,
        "ts": numbers(each.ts),
        "values": numbers(each.values),
    }
    if each.lows is not None and each.highs is not None:
        shown |= {"lows": numbers(each.lows), "highs": numbers(each.highs)}
    return shown


def numbers(values: FloatArray) -> FloatArray | Int64Array:
    """Return the values as precisely as an answer has them, whole ones as integers."""
    whole = np.rint(values)
    if np.array_equal(whole, values) and (np.abs(whole) < MAX_WHOLE).all():
        return whole.astype(np.int64)
    return np.round(values, POINT_DECIMALS)


def _marker(mark: Marker) -> dict[str, Any]:
    return {"ts": mark.at.timestamp(), "kind": mark.kind, "version": mark.version, "text": mark.text}
