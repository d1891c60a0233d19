"""Tables: functions by flat and cumulative value, and the callers and callees of one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from profiler_server.api.access import endpoint
from profiler_server.api.questions import DEFAULT_ROWS, MAX_ROWS, bounded_number, question, span
from profiler_server.api.responses import json_answer
from profiler_server.core.errors import UnsupportedFormat
from profiler_server.core.profile import Frame
from profiler_server.core.top import CallersCallees, Neighbour
from profiler_server.profiles import queries


@endpoint("GET")
def top(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with the functions that hold most."""
    asked = question(request, project_id, name)
    limit = bounded_number(request, "limit", default=DEFAULT_ROWS, most=MAX_ROWS)
    rows = queries.top(asked.selection, limit=limit, granularity=asked.asked.granularity)
    table = [{**frame_as_json(row.frame), "flat": row.flat, "cumulative": row.cumulative} for row in rows]
    return json_answer(request, {**span(asked.asked), "rows": table})


@endpoint("GET")
def callers(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with the direct callers and callees of one function."""
    function = request.GET.get("function")
    if not function:
        raise UnsupportedFormat("Name the function: ?function=…")
    asked = question(request, project_id, name)
    found = queries.callers(asked.selection, function, granularity=asked.asked.granularity)
    return json_answer(request, {**span(asked.asked), "functions": [_as_json(each) for each in found]})


def frame_as_json(frame: Frame) -> dict[str, Any]:
    """Return one frame as every answer writes it."""
    return {"function": frame.function, "file": frame.file, "line": frame.line}


def _as_json(found: CallersCallees) -> dict[str, Any]:
    return {
        **frame_as_json(found.row.frame),
        "flat": found.row.flat,
        "cumulative": found.row.cumulative,
        "callers": [_neighbour(each) for each in found.callers],
        "callees": [_neighbour(each) for each in found.callees],
    }


def _neighbour(each: Neighbour) -> dict[str, Any]:
    return {**frame_as_json(each.frame), "value": each.value}
