"""Profiles as files: a selection as pprof to take away, and a pprof file to look at without storing it."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from profiler_server.api.access import endpoint
from profiler_server.api.questions import DEFAULT_NODES, MAX_NODES, bounded_number, question
from profiler_server.api.responses import bytes_answer
from profiler_server.api.views.flame import answer_tree
from profiler_server.codecs import pprof
from profiler_server.codecs.selection_query import parse_granularity
from profiler_server.core.errors import InvalidProfile, LimitExceeded
from profiler_server.core.profile import Profile
from profiler_server.core.prune import prune
from profiler_server.core.tree import flame_tree
from profiler_server.profiles import queries

PPROF_MEDIA_TYPE = "application/octet-stream"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@endpoint("GET")
def download(request: HttpRequest, project_id: int, name: str) -> HttpResponse:
    """Answer with the merged profile of a selection as gzip'd pprof."""
    asked = question(request, project_id, name)
    body = pprof.encode(queries.merged(asked.selection))
    stem = _UNSAFE.sub("-", f"{asked.service.name}-{asked.asked.start:%Y%m%dT%H%M%S}")
    return bytes_answer(request, body, PPROF_MEDIA_TYPE, file_name=f"{stem}.pb.gz")


@endpoint("POST")
def view(request: HttpRequest, project_id: int) -> HttpResponse:
    """Answer with the flame graph of the pprof in the body; nothing is stored."""
    profile = pprof.decode(_body(request))
    if not profile.sample_types:
        raise InvalidProfile("The profile names no sample type.")
    kind = _sample_type(profile, request.GET.get("type") or "")
    tree = flame_tree(profile, kind, parse_granularity(request.GET.get("granularity") or ""))
    nodes = bounded_number(request, "max_nodes", default=DEFAULT_NODES, most=MAX_NODES, least=2)
    meta: dict[str, Any] = {
        "sample_type": tree.sample_type.name,
        "sample_types": [each.name for each in profile.sample_types],
    }
    return answer_tree(request, prune(tree, nodes), meta)


def _body(request: HttpRequest) -> bytes:
    limit = settings.ENV.max_profile_bytes
    if int(request.headers.get("Content-Length") or 0) > limit:
        raise LimitExceeded(f"The file is larger than {limit >> 20} MiB, the most that is read at once.")
    return request.body


def _sample_type(profile: Profile, wanted: str) -> str:
    """Return `wanted` when the profile has it, else its own default."""
    return wanted if any(each.name == wanted for each in profile.sample_types) else ""
