"""Which call sites and functions grow, how fast, and how sure that is."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from profiler_server.api.access import endpoint
from profiler_server.api.questions import (
    DEFAULT_BUCKETS,
    DEFAULT_ROWS,
    MAX_BUCKETS,
    MAX_ROWS,
    bounded_number,
    question,
    span,
)
from profiler_server.api.responses import json_answer
from profiler_server.api.views.catalog import numbers
from profiler_server.api.views.tables import frame_as_json
from profiler_server.catalog.queries import restarts
from profiler_server.core.errors import UnsupportedFormat
from profiler_server.core.slope import Slope, slopes_with_interval
from profiler_server.profiles import queries

BY_SITE = "site"
BY_FUNCTION = "function"


@endpoint("GET")
def growth(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with the steepest call sites over time, or (`by=function`) with the slope of every function."""
    asked = question(request, project_id, name)
    by = request.GET.get("by") or BY_SITE
    buckets = bounded_number(request, "buckets", default=DEFAULT_BUCKETS, most=MAX_BUCKETS, least=2)
    limit = bounded_number(request, "limit", default=DEFAULT_ROWS, most=MAX_ROWS)
    sites = MAX_ROWS if by == BY_FUNCTION else limit
    found = queries.site_growth(asked.selection, buckets=buckets, limit=sites)
    slopes = slopes_with_interval(
        found.ts, found.values, restarts(asked.service.pk, asked.asked.start, asked.asked.end)
    )
    if by == BY_FUNCTION:
        return json_answer(request, {**span(asked.asked), "functions": _functions(found, slopes)[:limit]})
    if by != BY_SITE:
        raise UnsupportedFormat("Growth is grouped by site or by function.")
    return json_answer(
        request, {**span(asked.asked), "ts": numbers(found.ts), "sites": _sites(found, slopes)[:limit]}
    )


def _sites(found: queries.SiteGrowth, slopes: list[Slope]) -> list[dict[str, Any]]:
    listed = [
        {"stack": [frame_as_json(frame) for frame in stack], "values": numbers(row), **_slope(slope)}
        for stack, row, slope in zip(found.sites, found.values, slopes, strict=True)
    ]
    return sorted(listed, key=lambda site: -site["per_hour"])


def _functions(found: queries.SiteGrowth, slopes: list[Slope]) -> list[dict[str, Any]]:
    """Return each function's slope: the sum over the sites whose stack holds it, each site once."""
    per_hour: dict[tuple[str, str], float] = {}
    for stack, slope in zip(found.sites, slopes, strict=True):
        for key in {(frame.function, frame.file) for frame in stack}:
            per_hour[key] = per_hour.get(key, 0.0) + slope.per_hour
    ordered = sorted(per_hour.items(), key=lambda item: -item[1])
    return [{"function": name, "file": file, "per_hour": round(rate, 1)} for (name, file), rate in ordered]


def _slope(slope: Slope) -> dict[str, float]:
    return {"per_hour": round(slope.per_hour, 1), "low": round(slope.low, 1), "high": round(slope.high, 1)}
