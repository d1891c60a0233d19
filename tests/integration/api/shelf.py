"""What the API's tests ask about: one service with growing profiles and points, and a stranger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.test import Client

from profiler_server.catalog.models import Instance
from profiler_server.core.profile import Frame, Profile, SampleType, StackTable

TYPES = (SampleType("inuse_objects", "count"), SampleType("inuse_space", "bytes"))
MAIN = Frame("shop.app.main", "/app/shop/app.py", 10)
HANDLE = Frame("shop.views.handle", "/app/shop/views.py", 22)
KEEP = Frame("shop.cache.keep", "/app/shop/cache.py", 7)
RENDER = Frame("shop.views.render", "/app/shop/views.py", 40)
FRAMES = (MAIN, HANDLE, KEEP, RENDER)
STACKS = {"keep": (KEEP, HANDLE, MAIN), "render": (RENDER, HANDLE, MAIN)}
KIB = 1024
MINUTES = tuple(range(50, 0, -5))


@dataclass(frozen=True)
class Shelf:
    """The service under test and who may ask about it."""

    member: Client
    stranger: Client
    token: str
    instance: Instance
    start: datetime
    end: datetime

    def path(self, name: str = "", **query: Any) -> str:
        """Return an address of the service's API over the whole recording."""
        asked = {"from": self.start.timestamp(), "to": self.end.timestamp()} | query
        return f"/api/v1/services/shop/{name}?" + "&".join(f"{key}={value}" for key, value in asked.items())

    def json(self, name: str, **query: Any) -> dict[str, Any]:
        """Ask as a member and return the answer, which must be good."""
        response = self.member.get(self.path(name, **query))
        assert response.status_code == 200, response.content
        answer: dict[str, Any] = response.json()
        return answer


def a_heap(sizes: Mapping[str, int]) -> Profile:
    """Return a heap profile of so many bytes per stack name, one object per KiB."""
    chosen = [STACKS[name] for name in sizes]
    ids = [FRAMES.index(frame) for stack in chosen for frame in stack]
    offsets = np.cumsum([0, *(len(stack) for stack in chosen)]).astype(np.int32)
    space = np.array(list(sizes.values()), np.int64)
    count = len(chosen)
    return Profile(
        TYPES,
        StackTable(FRAMES, offsets, np.array(ids, np.int32)),
        np.arange(count, dtype=np.int32),
        np.stack([space // KIB, space], axis=1),
        ((),),
        np.zeros(count, np.int32),
        default_sample_type="inuse_space",
    )


def growing(step: int) -> Profile:
    """Return the recording's profile number `step`: the cache grows by 100 KiB a step, rendering stays."""
    return a_heap({"keep": (step + 1) * 100 * KIB, "render": 50 * KIB})


def moments(now: datetime) -> list[datetime]:
    """Return when the profiles of the recording were taken."""
    return [now - timedelta(minutes=ago) for ago in MINUTES]


def whole_second() -> datetime:
    """Return the present without fractions."""
    return datetime.now(UTC).replace(microsecond=0)
