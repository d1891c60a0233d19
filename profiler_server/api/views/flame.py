"""Flame graphs and comparisons, as binary columns for the renderer or as JSON."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from profiler_server.api.access import endpoint
from profiler_server.api.questions import DEFAULT_NODES, MAX_NODES, Question, bounded_number, question, span
from profiler_server.api.responses import bytes_answer, json_answer
from profiler_server.codecs.flame_payload import MEDIA_TYPE, encode_flame
from profiler_server.core.tree import FlameTree
from profiler_server.profiles import queries
from profiler_server.series.queries import read_series

LOAD_SERIES = "requests"


@endpoint("GET")
def flame(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with the flame graph of a selection."""
    asked = question(request, project_id, name)
    tree = queries.flame(asked.selection, max_nodes=_nodes(request), granularity=asked.asked.granularity)
    return answer_tree(request, tree, _meta(asked, tree))


@endpoint("GET")
def diff(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with the comparison of a selection with its baseline (the same parameters after `base_`)."""
    current = question(request, project_id, name)
    baseline = question(request, project_id, name, prefix="base_")
    tree = queries.diff(
        current.selection,
        baseline.selection,
        max_nodes=_nodes(request),
        granularity=current.asked.granularity,
    )
    load = {"current": requests_per_second(current), "baseline": requests_per_second(baseline)}
    meta = {**_meta(current, tree), **span(baseline.asked, "base_"), "load": load}
    return answer_tree(request, tree, meta)


def answer_tree(request: HttpRequest, tree: FlameTree, meta: dict[str, Any]) -> HttpResponse:
    """Answer with the tree in the form that the client prefers."""
    wants_columns = request.GET.get("format") == "binary" or MEDIA_TYPE in request.headers.get("Accept", "")
    if wants_columns:
        return bytes_answer(request, encode_flame(tree, meta), MEDIA_TYPE)
    return json_answer(request, tree_as_json(tree, meta))


def tree_as_json(tree: FlameTree, meta: dict[str, Any]) -> dict[str, Any]:
    """Return the tree's columns: preorder, `name` indexes `names`, `files` and `lines`."""
    columns: dict[str, Any] = {
        "depth": tree.depth,
        "name": tree.name_id,
        "value": tree.value,
        "self_value": tree.self_value,
    }
    if tree.delta is not None and tree.self_delta is not None:
        columns |= {"delta": tree.delta, "self_delta": tree.self_delta}
    return {
        "unit": tree.sample_type.unit,
        "meta": meta,
        "nodes": columns,
        "names": tree.names,
        "files": tree.files,
        "lines": tree.lines,
    }


def requests_per_second(asked: Question) -> float | None:
    """Return the load that the selected instances served, or None where nobody counted."""
    picked = asked.selection
    found = read_series(
        picked.project_id,
        picked.service_id,
        picked.start,
        picked.end,
        names=[LOAD_SERIES],
        instance_ids=picked.instance_ids,
        max_points=None,
    )
    seconds = (picked.end - picked.start).total_seconds()
    served = [float(each.values[each.values > 0].sum()) for each in found]
    return sum(served) / seconds if served else None


def _nodes(request: HttpRequest) -> int:
    return bounded_number(request, "max_nodes", default=DEFAULT_NODES, most=MAX_NODES, least=2)


def _meta(asked: Question, tree: FlameTree) -> dict[str, Any]:
    return {
        **span(asked.asked),
        "service": asked.service.name,
        "sample_types": [
            kind.name for kind in queries.sample_types(asked.service.project_id, asked.service.pk)
        ],
        "sample_type": tree.sample_type.name,
        "granularity": asked.asked.granularity.value,
    }
