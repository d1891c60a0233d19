"""The pictures of a finding: the floor that grows with its way to the limit, and what the memory is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dashboards.figures.floor import Floor, FloorPicture, Forecast, Resident, floor_figure
from dashboards.figures.marks import DANGER, GOOD, PLAIN, Mark, add_marks
from dashboards.links import Range
from dashboards.service_memory import ServiceMemory, memory_figure, service_memory
from dashboards.service_pictures import curve_from, memory_against_load
from dashboards.service_series import read_service_series
from profiler_server.analysis.models import Family, Finding
from profiler_server.analysis.wording import is_counted, signal_name, signal_of
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.models import Instance, Release
from profiler_server.core import units
from profiler_server.core.profile import FloatArray
from profiler_server.series.queries import read_series

MAX_RESIDENT_POINTS = 240
MAX_ROWS = 400
LOAD_COLUMNS = ("rss_bytes", "heap_live_bytes", "requests")
LOAD_BINS, LOAD_HEIGHT = 160, 300
LEAD_SHARE = 0.5
SHORTEST_LEAD = timedelta(hours=1)
LONGEST_SPAN = timedelta(days=15)


@dataclass(frozen=True)
class DrawnPicture:
    """A figure with its heading, a remark beside it, and what a reader who cannot see it is told."""

    heading: str
    remark: str
    label: str
    figure: Mapping[str, Any]


@dataclass(frozen=True)
class FindingPictures:
    """The pictures that tell something of a finding; None are the others.

    The floor has its numbers as `rows` (time, instance, floor, fit), memory against load its curve as `load_rows`.
    """

    floor: DrawnPicture | None
    rows: Sequence[tuple[float, str, str, str]]
    layers: DrawnPicture | None
    load: DrawnPicture | None = None
    load_rows: Sequence[tuple[str, str]] = ()


def finding_pictures(found: Finding, zone: ZoneInfo) -> FindingPictures:
    """Return the pictures that fit the kind of finding: for retained memory its layers, else the floor."""
    layers = _layers(found, zone) if found.family in {Family.RETENTION, Family.NATIVE} else None
    picture = floor_picture(found, zone)
    load = None if is_counted(found) else _against_load(found, picture.floors, zone)
    curve = load_rows(found.evidence or {}) if load else ()
    if not picture.floors or (found.family == Family.RETENTION and layers is not None):
        return FindingPictures(None, (), layers, load, curve)
    return FindingPictures(_floor(found, picture), floor_rows(picture), layers, load, curve)


def floors_of(evidence: Mapping[str, Any]) -> list[Floor]:
    """Return the floors that were tested, one for each stretch of a process life."""
    floors = [
        Floor(str(row["instance"]), _array(row["ts"]), _array(row["value"]), _array(row["fitted"]))
        for row in evidence.get("floor") or ()
    ]
    return [floor for floor in floors if len(floor.ts)]


def growing_instances(evidence: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys of the processes that grow, the steepest floors; nothing where all of them do, or none."""
    growing, replicas = (int(evidence.get(key) or 0) for key in ("replicas_growing", "replicas"))
    if not 0 < growing < replicas:
        return frozenset()
    slopes: dict[str, float] = {}
    for floor in floors_of(evidence):
        slopes[floor.instance] = max(_slope(floor), slopes.get(floor.instance, 0.0))
    steepest = sorted(slopes, key=lambda key: -slopes[key])
    return frozenset(steepest[:growing])


def floor_picture(found: Finding, zone: ZoneInfo) -> FloorPicture:
    """Return the floor, the resident memory of the processes that grow, and the forecast, where it is still open."""
    evidence: Mapping[str, Any] = found.evidence or {}
    floors = floors_of(evidence)
    counted = is_counted(found)
    return FloorPicture(
        floors, "count" if counted else "bytes", zone, found.started_at.timestamp(),
        limit=None if counted else found.limit_bytes, forecast=forecast_of(found), marks=marks_of(found),
        resident=() if counted else _resident(found, evidence, floors),
        name="in use by the program" if found.family == Family.RETENTION else "floor",
    )  # fmt: skip


def forecast_of(found: Finding) -> Forecast | None:
    """Return the forecast of an open finding."""
    early, likely, late = found.forecast_p10_at, found.forecast_p50_at, found.forecast_p90_at
    if not found.is_open or early is None or likely is None or late is None:
        return None
    made = found.forecast_made_at or found.updated_at
    return Forecast(made.timestamp(), early.timestamp(), likely.timestamp(), late.timestamp())


def marks_of(found: Finding) -> list[Mark]:
    """Return what happened when: where it began, when it was detected, the releases concerned, and its end."""
    began = "near its limit" if found.family == Family.RETENTION else "growth began"
    marks = [Mark(found.started_at.timestamp(), began, DANGER)]
    if found.detected_at - found.started_at > timedelta(minutes=1):
        marks.append(Mark(found.detected_at.timestamp(), "detected"))
    known = Release.objects.filter(
        service_id=found.service_id,
        version__in=[v for v in (found.first_release, found.cured_by_release) if v],
    )
    for release in known:
        colour = GOOD if release.version == found.cured_by_release else PLAIN
        marks.append(Mark(release.first_seen_at.timestamp(), f"release {release.version}", colour))
    if found.resolved_at is not None:
        marks.append(Mark(found.resolved_at.timestamp(), "resolved", GOOD))
    return marks


def floor_rows(picture: FloorPicture) -> list[tuple[float, str, str, str]]:
    """Return the picture's numbers: time, instance, floor and fit as texts, a row per point, at most `MAX_ROWS`."""
    step = -(-sum(len(floor.ts) for floor in picture.floors) // MAX_ROWS)
    return [
        (
            float(at),
            floor.instance,
            units.format_value(value, picture.unit),
            units.format_value(fitted, picture.unit),
        )
        for floor in picture.floors
        for at, value, fitted in zip(floor.ts[::step], floor.value[::step], floor.fitted[::step], strict=True)
    ]


def load_rows(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fitted load curve as texts: requests per second, and the memory expected at them."""
    load: Mapping[str, Any] = evidence.get("load") or {}
    pairs = zip(load.get("load_per_second") or (), load.get("floor_bytes") or (), strict=False)
    return [(f"{float(rate):,.1f}/s", units.format_bytes(float(size))) for rate, size in pairs]


def _floor(found: Finding, picture: FloorPicture) -> DrawnPicture:
    name = signal_name(signal_of(found))
    heading = f"{name[:1].upper()}{name[1:]} over time" if name else "The floor over time"
    if picture.forecast is not None:
        heading += ", and when the limit is met"
    thing = "number" if is_counted(found) else "memory"
    return DrawnPicture(
        heading,
        f"The {thing} that stays when everything that comes and goes is left out",
        f"{heading}, as points with a fitted line; the numbers are in the table below.",
        json.loads(floor_figure(picture).to_json()),
    )


def _against_load(found: Finding, floors: Sequence[Floor], zone: ZoneInfo) -> DrawnPicture | None:
    """Return memory against load over the time of the floors, None where no load was fitted or points are gone."""
    curve, retained = curve_from(found.evidence), found.family == Family.RETENTION
    if curve is None or not len(curve.load) or not floors:
        return None
    if retained and curve.signal != "heap":  # what is in use is not drawn then, and RSS is what stays
        return None
    start, end = _span(floors)
    keys = frozenset() if retained else growing_instances(found.evidence or {})
    ids = [one.pk for one in catalog.instances(found.service_id, start, end) if not keys or one.key in keys]
    series = read_service_series(
        found.service,
        start.timestamp(),
        end.timestamp(),
        names=LOAD_COLUMNS,
        bins=LOAD_BINS,
        instance_ids=ids,
    )
    picture = memory_against_load(series, curve, zone)
    if picture is None:
        return None
    picture.layout["height"] = LOAD_HEIGHT
    says = "What follows the load stays on the dashed curve"
    if not retained:
        says += ", a leak climbs off it; red points are the latest"
    label = "Memory against load, coloured by time; the fitted curve is in the table below."
    return DrawnPicture("Memory against load", says, label, json.loads(picture.to_json()))


def _layers(found: Finding, zone: ZoneInfo) -> DrawnPicture | None:
    """Return the layers of the memory from before it began to its newest data, None without points."""
    end = max(found.updated_at, found.detected_at, found.resolved_at or found.detected_at)
    lead = max((end - found.started_at) * LEAD_SHARE, SHORTEST_LEAD)
    start = max(found.started_at - lead, end - LONGEST_SPAN)
    heard = catalog.instances(found.service_id, start, end)
    only = growing_instances(found.evidence or {}) if found.family == Family.NATIVE else frozenset()
    ids = [one.pk for one in heard if not only or one.key in only]
    if not ids:
        return None
    span = (start.timestamp(), end.timestamp())
    memory = _from_first_point(service_memory(found.service, *span, instance_ids=ids))
    picture = memory_figure(memory, zone)
    if picture is None:
        return None
    for trace in picture.data:
        trace.pop("hoverinfo", None)
        trace["hovertemplate"] = "%{y:,.1f}"
    picture.layout.pop("meta", None)
    picture.layout["hovermode"] = "x unified"
    add_marks(picture.layout, marks_of(found), (memory.series.start, memory.series.end), zone)
    heading = "What the memory is made of, over time"
    remark = "The layers add up to RSS; the table of layers has their colours and sizes"
    return DrawnPicture(
        heading, remark, f"{heading}; the sizes are in the table “What the memory is made of”.",
        json.loads(picture.to_json()),
    )  # fmt: skip


def _resident(found: Finding, evidence: Mapping[str, Any], floors: Sequence[Floor]) -> list[Resident]:
    """Return the RSS of the processes that grow over the time of their floors; nothing where the floor is RSS."""
    if not floors or evidence.get("signal") in {"rss", "rss_bytes"}:
        return []
    start, end = _span(floors)
    keys = growing_instances(evidence) or {floor.instance for floor in floors}
    lives: dict[int, Instance] = {
        one.pk: one for one in catalog.instances(found.service_id, start, end) if one.key in keys
    }
    if not lives:
        return []
    found_series = read_series(
        found.project_id, found.service_id, start, end, names=["rss_bytes"], instance_ids=list(lives),
        max_points=MAX_RESIDENT_POINTS,
    )  # fmt: skip
    return [
        Resident(lives[one.instance_id].key, one.ts, one.values) for one in found_series if len(one.ts) > 1
    ]


def _from_first_point(memory: ServiceMemory) -> ServiceMemory:
    """Return the same with an axis that begins where the first RSS is known."""
    series = memory.series
    if not len(series.ts):
        return memory
    step = (float(series.ts[-1]) - float(series.ts[0])) / len(series.ts)
    start = max(series.start, float(series.ts[0]) - step)
    return replace(memory, series=replace(series, start=start))


def _span(floors: Sequence[Floor]) -> Range:
    """Return from when to when there are floors."""
    start, end = min(float(one.ts[0]) for one in floors), max(float(one.ts[-1]) for one in floors)
    return datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)


def _slope(floor: Floor) -> float:
    span = float(floor.ts[-1] - floor.ts[0])
    return float(floor.fitted[-1] - floor.fitted[0]) / span if span > 0 else 0.0


def _array(values: Sequence[float]) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
