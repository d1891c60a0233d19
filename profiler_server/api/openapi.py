"""The OpenAPI document of the JSON API, built from one table so that it cannot forget an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from profiler_server.api.questions import (
    DEFAULT_BUCKETS,
    DEFAULT_NODES,
    DEFAULT_POINTS,
    DEFAULT_ROWS,
    DEFAULT_SNAPSHOTS,
    MAX_BUCKETS,
    MAX_NODES,
    MAX_POINTS,
    MAX_ROWS,
    MAX_SNAPSHOTS,
)
from profiler_server.api.responses import json_answer
from profiler_server.codecs.flame_payload import MEDIA_TYPE
from profiler_server.codecs.selection_query import DEFAULT_SAMPLE_TYPE
from profiler_server.core.grouping import Granularity

VERSION = "1"
JSON = "application/json"
STATUSES = {
    "400": "The question cannot be read.",
    "401": "No session and no valid token.",
    "404": "No such service, snapshot or function in this project.",
    "413": "A named bound was passed.",
    "415": "A word or a format that is not known.",
    "422": "The profile is not one, or does not have what was asked for.",
    "503": "Try again in a moment.",
}

Parameter = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint in words."""

    path: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    method: str = "get"
    media_types: tuple[str, ...] = (JSON,)


def _parameter(name: str, description: str, kind: str = "string", **schema: Any) -> Parameter:
    return {"name": name, "in": "query", "description": description, "schema": {"type": kind, **schema}}


def _number(name: str, description: str, default: int, most: int) -> Parameter:
    return _parameter(name, description, "integer", default=default, maximum=most)


PROJECT = _parameter("project", "The project's short name; a token has its own.")
RANGE = (
    _parameter("from", "Begin: unix seconds, ISO 8601, or now-1h. An hour before the end by default."),
    _parameter("to", "End; now by default."),
)
WHOSE = (
    _parameter("instance", "An instance's number; may be repeated."),
    _parameter("release", "Only instances of this release."),
    _parameter("snapshot", "One snapshot instead of the range."),
    _parameter("label.<key>", "Only samples or instances with this label."),
)
TYPE = _parameter("type", "The sample type.", default=DEFAULT_SAMPLE_TYPE)
GRANULARITY = _parameter(
    "granularity", "What counts as one frame.", enum=[each.value for each in Granularity]
)
BASELINE = tuple({**each, "name": f"base_{each['name']}"} for each in (*RANGE, *WHOSE))
SELECTION = (PROJECT, *RANGE, *WHOSE, TYPE)
NODES = _number("max_nodes", "More become one frame named other.", DEFAULT_NODES, MAX_NODES)
FORMAT = _parameter(
    "format", "binary for the renderer's columns (or ask by Accept).", enum=["json", "binary"]
)
GRAPH = (JSON, MEDIA_TYPE)
SERVICE = "/v1/services/{name}"
ROWS = _number("limit", "Rows.", DEFAULT_ROWS, MAX_ROWS)

OPERATIONS = (
    Operation("/v1/services", "Services of the project", (PROJECT,)),
    Operation(
        f"{SERVICE}/series",
        "Points over time, downsampled with lows and highs kept, and markers",
        (
            PROJECT,
            *RANGE,
            WHOSE[0],
            _parameter("names", "Series, separated by commas; all by default."),
            _number("max_points", "Points per series.", DEFAULT_POINTS, MAX_POINTS),
        ),
    ),
    Operation(
        f"{SERVICE}/snapshots",
        "Stored snapshots, newest first",
        (
            *SELECTION,
            _number("limit", "Snapshots.", DEFAULT_SNAPSHOTS, MAX_SNAPSHOTS),
            _number("spread", "At most so many, evenly over time, and the pinned ones.", 0, MAX_SNAPSHOTS),
        ),
    ),
    Operation(f"{SERVICE}/labels", "Labels, instances, releases and series of the range", SELECTION),
    Operation(
        f"{SERVICE}/flame",
        "Flame graph: in-use values are means over time summed over instances",
        (*SELECTION, GRANULARITY, NODES, FORMAT),
        media_types=GRAPH,
    ),
    Operation(
        f"{SERVICE}/diff",
        "Comparison with a baseline, which takes the same parameters after base_",
        (*SELECTION, *BASELINE, GRANULARITY, NODES, FORMAT),
        media_types=GRAPH,
    ),
    Operation(f"{SERVICE}/top", "Functions by flat value", (*SELECTION, GRANULARITY, ROWS)),
    Operation(
        f"{SERVICE}/callers",
        "Callers and callees of one function",
        (*SELECTION, GRANULARITY, {**_parameter("function", "Its full name."), "required": True}),
    ),
    Operation(
        f"{SERVICE}/growth",
        "The steepest call sites over time with slope and interval, or the slope of every function",
        (
            *SELECTION,
            ROWS,
            _parameter("by", "What grows.", enum=["site", "function"]),
            _number("buckets", "Points per site.", DEFAULT_BUCKETS, MAX_BUCKETS),
        ),
    ),
    Operation(
        f"{SERVICE}/pprof",
        "The merged profile as pprof",
        SELECTION,
        media_types=("application/octet-stream",),
    ),
    Operation(
        "/v1/pprof/view",
        "Flame graph of the pprof in the body; nothing is stored",
        (TYPE, GRANULARITY, NODES, FORMAT),
        method="post",
        media_types=GRAPH,
    ),
)


def document(request: HttpRequest) -> HttpResponse:
    """Answer with the document; it holds no data and needs no login."""
    return json_answer(request, openapi(request.build_absolute_uri("/api")))


def openapi(server_url: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _operation(each)
    error = {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Plimsoll", "version": VERSION, "description": "Continuous memory profiles."},
        "servers": [{"url": server_url}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": {"Error": error},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
            },
        },
    }


def _operation(each: Operation) -> dict[str, Any]:
    path_parameters = (
        [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
        if "{name}" in each.path
        else []
    )
    content: dict[str, Any] = {media_type: {} for media_type in each.media_types}
    problem = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    responses: dict[str, Any] = {"200": {"description": "The answer.", "content": content}}
    responses |= {status: {"description": words, "content": problem} for status, words in STATUSES.items()}
    described: dict[str, Any] = {
        "summary": each.summary,
        "parameters": [*path_parameters, *each.parameters],
        "responses": responses,
    }
    if each.method == "post":
        described["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    return described
