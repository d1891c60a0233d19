"""What an address of a flame, compare or growth page asks the store for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db.models import Max, Min
from django.http import HttpRequest, QueryDict

from dashboards.period import SHORTEST_SECONDS, Period, period_from
from dashboards.scope import Scope
from profiler_server.catalog.models import Instance, Service
from profiler_server.codecs.selection_query import DEFAULT_SAMPLE_TYPE, Asked, parse_selection
from profiler_server.core.errors import UnsupportedFormat
from profiler_server.profiles import queries
from profiler_server.profiles.queries import ProfileSelection

BASELINE_KEYS = ("base_from", "base_to", "base_snapshot", "base_release")
SHARED_KEYS = ("instance", "label")


@dataclass(frozen=True)
class PageQuestion:
    """A service, the range that its page shows, and the selection of profiles."""

    service: Service
    period: Period
    asked: Asked
    selection: ProfileSelection


def page_question(request: HttpRequest, scope: Scope, name: str) -> PageQuestion:
    """Read a page's address. Raises the errors of `period_from` and `parse_selection`."""
    service = scope.service(name)
    period = period_from(request.GET, time.time(), scope.zone, data=lifetime(service))
    return PageQuestion(service, period, *_selected(request.GET, service, period))


def compared_questions(request: HttpRequest, scope: Scope, name: str) -> tuple[PageQuestion, PageQuestion]:
    """Read both sides of a comparison, the baseline from the parameters after `base_`.

    Without a baseline the range itself is taken apart, so far as the service reported in it: its last quarter, which
    thus holds its newest data, is compared with its first.
    """
    whole = page_question(request, scope, name)
    if _names_baseline(request.GET):
        return whole, _baseline(request, scope, whole)
    service = whole.service
    reported = _reported(whole.period, lifetime(service))
    quarter = reported.seconds / 4
    early = Period(reported.start, reported.start + quarter)
    late = Period(reported.end - quarter, reported.end)
    return (
        PageQuestion(service, late, *_selected(request.GET, service, late)),
        PageQuestion(service, early, *_selected(request.GET, service, early, prefix="base_")),
    )


def _names_baseline(query: QueryDict) -> bool:
    """Return whether an address says what to compare with; the same instances or labels on both sides do not."""
    if any(query.get(key) for key in BASELINE_KEYS):
        return True
    own, base = (
        sorted(
            (key.removeprefix(prefix), value)
            for key, values in query.lists()
            for value in values
            if value and key.removeprefix(prefix).split(".")[0] in SHARED_KEYS and key.startswith(prefix)
        )
        for prefix in ("", "base_")
    )
    return bool(base) and base != own


def united(one: PageQuestion, other: PageQuestion) -> Period:
    """Return the shortest range that holds those of both."""
    return Period(min(one.period.start, other.period.start), max(one.period.end, other.period.end))


def _reported(period: Period, data: tuple[float, float] | None) -> Period:
    """Return the part of a range in which the service reported; the whole where that is none or too short."""
    if data is None:
        return period
    start, end = max(period.start, data[0]), min(period.end, data[1])
    return Period(start, end) if end - start >= SHORTEST_SECONDS else period


def _baseline(request: HttpRequest, scope: Scope, current: PageQuestion) -> PageQuestion:
    """Read the baseline (`base_from`, `base_to`); without a range the one just before."""
    given = QueryDict(mutable=True)
    for key in ("from", "to"):
        text = request.GET.get(f"base_{key}")
        if text:
            given[key] = text
    if given:
        period = period_from(given, time.time(), scope.zone)
    else:
        period = Period(current.period.start - current.period.seconds, current.period.start)
    selected = _selected(request.GET, current.service, period, prefix="base_")
    return PageQuestion(current.service, period, *selected)


def lifetime(service: Service) -> tuple[float, float] | None:
    """Return (first, last) unix seconds at which the service was heard of, or None."""
    seen = Instance.objects.filter(service_id=service.pk).aggregate(
        first=Min("first_seen_at"), last=Max("last_seen_at")
    )
    if seen["first"] is None:
        return None
    return seen["first"].timestamp(), seen["last"].timestamp()


def default_sample_type(service: Service) -> str:
    """Return what is shown first: the memory in use where the service sends it, else the first type that it sends."""
    return preferred_type([kind.name for kind in queries.sample_types(service.project_id, service.pk)])


def preferred_type(sent: Sequence[str]) -> str:
    """Return the sample type that is shown where the address names none."""
    return next((name for name in (DEFAULT_SAMPLE_TYPE, *sent) if name in sent), DEFAULT_SAMPLE_TYPE)


def _selected(
    query: QueryDict, service: Service, period: Period, *, prefix: str = ""
) -> tuple[Asked, ProfileSelection]:
    rest = query.copy()
    for key in (f"{prefix}from", f"{prefix}to"):
        rest.pop(key, None)
    _spell_out_labels(rest, prefix)
    rest["type"] = query.get("type") or default_sample_type(service)
    asked = replace(
        parse_selection(rest, now=datetime.now(UTC), prefix=prefix),
        start=period.starts_at,
        end=period.ends_at,
    )
    selection = ProfileSelection(
        service.project_id,
        service.pk,
        asked.start,
        asked.end,
        sample_type=asked.sample_type,
        instance_ids=asked.instance_ids,
        release=asked.release,
        labels=dict(asked.labels) or None,
        snapshot_id=asked.snapshot_id,
    )
    return asked, selection


def _spell_out_labels(query: QueryDict, prefix: str) -> None:
    """Turn the field of the form (`label=key=value`) into `label.key=value`, and leave out what is empty."""
    name = f"{prefix}label"
    for text in query.getlist(name):
        key, _, value = (part.strip() for part in text.partition("="))
        if text.strip() and not (key and value):
            raise UnsupportedFormat("Write a label as key=value, for example region=eu.")
        if key:
            query[f"{name}.{key}"] = value
    for key in [key for key in query if key.startswith(f"{name}.") and not query.get(key)]:
        del query[key]
