"""Builders for what agents push, and a client that pushes it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.http import HttpResponse
from django.test import Client

from profiler_server.accounts.actions.create_token import create_token
from profiler_server.accounts.models import Project
from profiler_server.codecs import pprof
from profiler_server.core.profile import Frame, Profile, SampleType, StackTable

STARTED_AT = 1_700_000_000.0


@dataclass
class Agent:
    """A project with a token, and the requests that an agent of it makes."""

    project: Project
    token: str
    client: Client

    def post(
        self, path: str, body: bytes, content_type: str = "application/json", **headers: str
    ) -> HttpResponse:
        """Push bytes with the token."""
        given = {"Authorization": f"Bearer {self.token}", **headers}
        return self.client.post(path, body, content_type=content_type, headers=given)  # type: ignore[return-value]

    def push_points(self, form: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
        """Push points as JSON."""
        return self.post("/v1/points", json.dumps(form or a_points_form()).encode(), **headers)

    def push_profile(self, body: bytes | None = None, **query: Any) -> HttpResponse:
        """Push a profile."""
        asked = {
            "service": "shop",
            "instance": "host:1",
            "started_at": str(STARTED_AT),
            "language": "python",
        } | query
        path = "/v1/profiles?" + urlencode({k: v for k, v in asked.items() if v is not None})
        return self.post(path, a_heap_profile() if body is None else body, "application/octet-stream")


def an_agent(slug: str = "shop") -> Agent:
    """Return an agent of a new project."""
    project = Project.objects.create(name=slug.title(), slug=slug)
    _, secret = create_token(project, "agents")
    return Agent(project, secret, Client(raise_request_exception=True))


def an_instance(**changes: Any) -> dict[str, Any]:
    """Return the "instance" object of a push."""
    return {
        "service": "shop",
        "key": "host:1",
        "started_at": STARTED_AT,
        "release": "1.0",
        "language": "python",
        "labels": {"region": "eu"},
        "memory_limit_bytes": 1 << 30,
        "agent": "plimsoll-python/0.1.0",
        **changes,
    }


def a_points_form(n: int = 3, *, end: float | None = None, **changes: Any) -> dict[str, Any]:
    """Return a body of /v1/points with n points, ten seconds apart, the last at `end` (default: now)."""
    last = time.time() if end is None else end
    ts = [round(last - 10 * (n - 1 - i), 3) for i in range(n)]
    form = {
        "instance": an_instance(),
        "points": {"ts": ts, "columns": {"rss_bytes": [100.0 + i for i in range(n)], "requests": [5] * n}},
        "markers": [],
    }
    return {**form, **changes}


def a_heap_profile(
    stacks: dict[tuple[str, ...], int] | None = None,
    types: tuple[tuple[str, str], ...] = (("inuse_space", "bytes"),),
    **changes: Any,
) -> bytes:
    """Return a gzip'd pprof of stacks (function names, leaf first) with one value for every type."""
    stacks = stacks or {("leaf", "middle", "root"): 4096, ("other", "root"): 1024}
    names = sorted({name for stack in stacks for name in stack})
    offsets = np.cumsum([0, *(len(stack) for stack in stacks)]).astype(np.int32)
    ids = np.array([names.index(name) for stack in stacks for name in stack], np.int32)
    profile = Profile(
        sample_types=tuple(SampleType(*kind) for kind in types),
        stacks=StackTable(tuple(Frame(name, f"{name}.py", 7) for name in names), offsets, ids),
        stack_ids=np.arange(len(stacks), dtype=np.int32),
        values=np.array([[value] * len(types) for value in stacks.values()], np.int64),
        labels=((),),
        label_ids=np.zeros(len(stacks), np.int32),
        **changes,
    )
    return pprof.encode(profile)
