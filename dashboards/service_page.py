"""Gathers the service page: its address, its head, its pictures as JSON and their twins as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from dashboards import service_memory
from dashboards import service_pictures as drawing
from dashboards.asked import lifetime
from dashboards.figures.timeline import Event
from dashboards.links import service_url
from dashboards.period import DEFAULT_SECONDS, LIVE_WITHIN_SECONDS, PRESETS, Period, period_from
from dashboards.scope import Scope
from dashboards.service_head import ServiceHead, service_head
from dashboards.service_memory import ServiceMemory, layer_rows, memory_figure, memory_of
from dashboards.service_series import ServiceSeries, service_series, stored_series
from dashboards.zones import offsets_seconds
from profiler_server.analysis import queries as analysis
from profiler_server.analysis.advice import diagnosis_name
from profiler_server.analysis.models import ServiceWatch
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.models import Instance, MarkerKind, Service
from profiler_server.core.points import CANONICAL_COLUMNS
from profiler_server.profiles.queries import pinned_snapshots
from profiler_server.series.queries import series_names
from profiler_server.storage.consistent import consistent_reads

BINS = 600
MAX_INSTANCES_DRAWN = 100
MAX_EXTRA = 8
MAX_KEY_SHOWN = 18
MAX_INSTANCE_FILTER = 100


@dataclass(frozen=True)
class ServiceAddress:
    """What the page's address asks for: a service, a range, some of its instances, further series."""

    service: Service
    period: Period
    instance_ids: tuple[int, ...]
    extra: tuple[str, ...]
    data: tuple[float, float] | None
    fixed: bool

    def fixed_query(self) -> str:
        """Return the part of the address beside the range."""
        return urlencode(
            [("instance", one) for one in self.instance_ids] + [("series", name) for name in self.extra]
        )

    def pictures_query(self) -> str:
        """Return the whole address of the pictures."""
        return "&".join(part for part in (self.period.query(), self.fixed_query()) if part)

    @classmethod
    def of(cls, request: HttpRequest, scope: Scope, name: str) -> ServiceAddress:
        """Read it from a request; raise `NotFound` for a service of another project."""
        service = scope.service(name)
        data = lifetime(service)
        period = period_from(request.GET, timezone.now().timestamp(), scope.zone, data=data)
        instances = tuple(
            int(text) for text in request.GET.getlist("instance")[:MAX_INSTANCE_FILTER] if text.isdigit()
        )
        extra = tuple(dict.fromkeys(request.GET.getlist("series")))[:MAX_EXTRA]
        fixed = bool(request.GET.get("from") or request.GET.get("to"))
        return cls(service, period, instances, extra, data, fixed)


@dataclass(frozen=True)
class InstanceRow:
    """An instance, its key without what the service's name says already, and whether the page shows it."""

    instance: Instance
    label: str
    chosen: bool
    live: bool
    only_url: str
    toggle_url: str
    flame_url: str


@dataclass(frozen=True)
class ServicePage:
    """The parts of the page that need no points."""

    head: ServiceHead
    period: Period
    presets: Sequence[tuple[str, str, bool]]
    input_start: str
    input_end: str
    watch: ServiceWatch | None
    instances: Sequence[InstanceRow]
    instance_count: int
    chosen_ids: Sequence[int]
    extra: Sequence[str]
    extra_choices: Sequence[str]
    pictures_query: str
    any_chosen: bool
    all_instances_url: str
    state_json: Mapping[str, Any]
    empty: bool
    panels: int


def service_page(scope: Scope, address: ServiceAddress) -> ServicePage:
    """Return the page's head: what is known of the service without reading its points."""
    service, period, now = address.service, address.period, timezone.now()
    watch = analysis.watch_of(scope.project.pk, service.pk)
    heard = catalog.instances(service.pk, period.starts_at, period.ends_at)
    instances = [_instance_row(one, address, now) for one in reversed(heard[-drawing.MAX_CARDS :])]
    reported = series_names(service.pk)
    names = [name for name in reported if name not in drawing.TIMELINE_NAMES]
    return ServicePage(
        head=service_head(service, period, data=address.data, now=now.timestamp()).leading(
            instances=address.instance_ids
        ),
        period=period,
        presets=[(last, _preset_url(address, last), last == period.last) for last in PRESETS],
        input_start=period.input_start(scope.zone),
        input_end=period.input_end(scope.zone),
        watch=watch,
        instances=instances,
        instance_count=len(heard),
        chosen_ids=address.instance_ids,
        extra=address.extra,
        extra_choices=sorted(names, key=lambda name: (name in CANONICAL_COLUMNS, name)),
        pictures_query=address.pictures_query(),
        any_chosen=bool(address.instance_ids),
        all_instances_url=f"{service_url(service.name)}?{period.query()}",
        state_json=_page_state(scope, address, now),
        empty=address.data is None,
        panels=drawing.panel_count(reported, address.extra),
    )


def _instance_row(instance: Instance, address: ServiceAddress, now: datetime) -> InstanceRow:
    span = {"from_": f"{address.period.start:.0f}", "to": f"{address.period.end:.0f}"}
    name, own, extra = address.service.name, str(instance.pk), address.extra
    return InstanceRow(
        instance,
        label=short_key(address.service, instance.key),
        chosen=instance.pk in address.instance_ids,
        live=instance.ended_at is None
        and (now - instance.last_seen_at).total_seconds() < LIVE_WITHIN_SECONDS,
        only_url=service_url(name, series=extra, instance=own, **span),
        toggle_url=service_url(name, series=extra, instance=_toggled(address, instance.pk), **span),
        flame_url=service_url(name, "flame", instance=own, **span),
    )


def _preset_url(address: ServiceAddress, last: str) -> str:
    chosen = [str(one) for one in address.instance_ids]
    return service_url(address.service.name, last=last, instance=chosen, series=address.extra)


def _toggled(address: ServiceAddress, pk: int) -> list[str]:
    """Return the chosen instances with this one added, or without it if it is among them."""
    rest = [str(one) for one in address.instance_ids if one != pk]
    return rest if pk in address.instance_ids else [*rest, str(pk)]


def _page_state(scope: Scope, address: ServiceAddress, now: datetime) -> dict[str, Any]:
    """Return what the page's script needs to ask for pictures and to follow the present."""
    service, period, last = address.service, address.period, address.data[1] if address.data else 0.0
    return {
        "from": period.start,
        "to": period.end,
        "query": address.fixed_query(),
        "first_query": address.pictures_query(),
        "pictures": reverse("service-pictures", args=[service.name]),
        "latest": reverse("service-latest", args=[service.name]),
        "zone": scope.zone.key,
        "zone_offset": float(offsets_seconds(np.asarray([period.end]), scope.zone)[0]),
        "now": last,
        "live": not address.fixed and now.timestamp() - last < LIVE_WITHIN_SECONDS,
        "grows": bool(address.data) and not period.last and period.seconds < DEFAULT_SECONDS,
    }


def pictures(scope: Scope, address: ServiceAddress) -> str:
    """Return the figures and the instances' lines of the address as JSON, all from one state of the database."""
    with consistent_reads():
        return _pictures(scope, address)


def _pictures(scope: Scope, address: ServiceAddress) -> str:
    period = address.period
    series, measured = _read(address)
    watch = analysis.watch_of(scope.project.pk, address.service.pk)
    curve = drawing.curve_from((watch.evaluation or {}).get("evidence")) if watch else None
    happened, keys = events(scope, address, series), _keys(address, series)
    timeline = drawing.timeline(series, address.extra, happened, scope.zone, keys=keys)
    scatter = drawing.memory_against_load(series, curve, scope.zone)
    memory = memory_figure(measured, scope.zone)
    parts = {
        "timeline": timeline.to_json(),
        "scatter": scatter.to_json() if scatter is not None else "null",
        "waterfall": memory.to_json() if memory is not None else "null",
        "instances": json.dumps([asdict(line) for line in drawing.instance_lines(series)]),
        "range": json.dumps({"from": period.start, "to": period.end}),
    }
    return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}"


def _keys(address: ServiceAddress, series: ServiceSeries) -> dict[int, str]:
    """Return what the instances are called while they are few enough for a line each."""
    if not 1 < len(series.instance_ids) <= drawing.MAX_LINES:
        return {}
    found = Instance.objects.filter(service=address.service, pk__in=series.instance_ids)
    return {pk: clipped(short_key(address.service, key)) for pk, key in found.values_list("pk", "key")}


def clipped(text: str, most: int = MAX_KEY_SHOWN) -> str:
    """Return a text of at most `most` characters, its beginning and its end: names of pods differ at the end."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2 - 1]}…{text[-(most - most // 2) :]}"


def short_key(service: Service, key: str) -> str:
    """Return an instance's key without what the service's name says already."""
    return key.removeprefix(f"{service.name}-") or key


def tables(scope: Scope, address: ServiceAddress) -> dict[str, Any]:
    """Return the pictures of the address as tables: the time axis and what happened on it."""
    series, memory = _read(address)
    titles, rows = drawing.table_rows(series, [*drawing.TIMELINE_NAMES, *address.extra])
    found = sorted(events(scope, address, series), key=lambda event: event.ts)
    return {"titles": titles, "rows": rows, "layers": layer_rows(memory), "events": found}


def shown_instances(address: ServiceAddress) -> list[int]:
    """Return the ids of the instances that the pictures show: those chosen, else the latest `MAX_INSTANCES_DRAWN`."""
    if address.instance_ids:
        return list(address.instance_ids)
    period = address.period
    found = catalog.instances(address.service.pk, period.starts_at, period.ends_at)
    return [instance.pk for instance in found[-MAX_INSTANCES_DRAWN:]]


def _read(address: ServiceAddress) -> tuple[ServiceSeries, ServiceMemory]:
    """Read the points of all pictures: the last instances' for the waterfall too, the others' for the time axis."""
    service, span, ids = address.service, (address.period.start, address.period.end), shown_instances(address)
    names = [*drawing.TIMELINE_NAMES, *address.extra]
    others, last = ids[: -service_memory.MAX_INSTANCES], ids[-service_memory.MAX_INSTANCES :]
    found = stored_series(
        service, *span, names=[*names, *service_memory.COLUMNS], bins=BINS, instance_ids=last
    )
    in_memory = [one for one in found if one.name in service_memory.COLUMNS]
    if others:
        found += stored_series(service, *span, names=names, bins=BINS, instance_ids=others)
    series = service_series(service, [one for one in found if one.name in names], *span, bins=BINS)
    return series, memory_of(service_series(service, in_memory, *span, bins=service_memory.BINS))


def events(scope: Scope, address: ServiceAddress, series: ServiceSeries) -> list[Event]:
    """Return what happened in the range: markers, findings, pinned snapshots, changes of the further series."""
    period = address.period
    found = [
        Event(marker.at.timestamp(), str(marker.kind), _marker_text(marker.kind, marker.version, marker.text))
        for marker in catalog.markers(address.service.pk, period.starts_at, period.ends_at)
    ]
    for finding in analysis.findings_between(
        scope.project.pk, address.service.pk, period.starts_at, period.ends_at
    ):
        title = diagnosis_name(finding.diagnosis)
        found.append(Event(finding.started_at.timestamp(), "finding", f"{title}: growth began"))
        found.append(Event(finding.detected_at.timestamp(), "found", f"{title}: found"))
        if finding.resolved_at is not None:
            found.append(Event(finding.resolved_at.timestamp(), "resolved", f"{title}: resolved"))
    found += _pinned(scope, address) + drawing.changes(series, address.extra)
    return [event for event in found if period.start <= event.ts <= period.end]


def _pinned(scope: Scope, address: ServiceAddress) -> list[Event]:
    period = address.period
    found = pinned_snapshots(scope.project.pk, address.service.pk, period.starts_at, period.ends_at)
    return [Event(one.taken_at.timestamp(), "pinned", "Pinned snapshot") for one in found]


def _marker_text(kind: str, version: str, text: str) -> str:
    return " · ".join(part for part in (str(MarkerKind(kind).label), version, text) if part)
