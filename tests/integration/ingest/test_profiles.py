"""POST /v1/profiles."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zstandard
from django.db import connection

from profiler_server.catalog.models import Instance, Service
from profiler_server.profiles.queries import ProfileSelection, merged, snapshots
from tests.integration.ingest.pushes import Agent, a_heap_profile, an_agent

URL = "/v1/profiles"


def selection(agent: Agent) -> ProfileSelection:
    service = Service.objects.get(project=agent.project)
    now = datetime.now(UTC)
    return ProfileSelection(agent.project.pk, service.pk, now - timedelta(hours=1), now + timedelta(hours=1))


def test_works(agent: Agent) -> None:
    answer = agent.push_profile(ts=time.time(), release="1.0", **{"label.region": "eu"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["commands"]) == ("stored", [])
    (kept,) = snapshots(selection(agent))
    assert kept.id == told["snapshot"]
    assert kept.totals == {"inuse_space": 5120}
    instance = Instance.objects.get(project=agent.project)
    assert (instance.release, instance.labels, instance.language) == ("1.0", {"region": "eu"}, "python")


def test_the_stacks_come_back(agent: Agent) -> None:
    agent.push_profile(a_heap_profile({("leaf", "root"): 77}))
    found = merged(selection(agent))
    assert [frame.function for frame in found.stacks.stack(int(found.stack_ids[0]))] == ["leaf", "root"]
    assert found.values.sum() == 77


def test_takes_a_packed_body(agent: Agent) -> None:
    path = URL + "?service=shop&instance=h:1&started_at=1700000000"
    answer = agent.post(path, zstandard.compress(a_heap_profile()), "x/y", **{"Content-Encoding": "zstd"})
    assert answer.status_code == 200


def test_wrong_method(agent: Agent) -> None:
    assert agent.client.put(URL).status_code == 405


def test_no_token(agent: Agent) -> None:
    assert agent.client.post(URL, b"x", content_type="x/y").status_code == 401


def test_stays_in_its_own_project(agent: Agent) -> None:
    other = an_agent("other")
    agent.push_profile(a_heap_profile({("mine",): 5}))
    other.push_profile(a_heap_profile({("theirs",): 7}))
    assert merged(selection(agent)).values.sum() == 5
    assert merged(selection(other)).values.sum() == 7


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"service": ""}, "service"),
        ({"service": None}, "service"),
        ({"instance": "x" * 201}, "200 characters"),
        ({"started_at": "soon"}, "started_at"),
        ({"started_at": "nan"}, "started_at"),
        ({"ts": "1"}, "ts"),
        ({"ts": str(time.time() + 90_000)}, "future"),
        ({"service": "a\x00"}, "service"),
        ({"label.x": "y" * 300}, "label"),
    ],
)
def test_malformed_query(agent: Agent, query: dict[str, Any], word: str) -> None:
    answer = agent.push_profile(**query)
    assert answer.status_code == 422
    assert word in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"no profile", b"\x1f\x8b\x08\x00", a_heap_profile()[:-20]])
def test_malformed_body(agent: Agent, body: bytes) -> None:
    answer = agent.push_profile(body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_profile"


def test_too_large(agent: Agent, settings: Any) -> None:
    settings.ENV = type(settings.ENV)(**{**vars(settings.ENV), "max_profile_bytes": 100})
    answer = agent.push_profile()
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "limit_exceeded")


def test_duplicate_is_known(agent: Agent) -> None:
    at = time.time()
    first, second = agent.push_profile(ts=at).json(), agent.push_profile(ts=at).json()
    assert (first["status"], second["status"]) == ("stored", "already_stored")
    assert first["snapshot"] == second["snapshot"]
    assert len(snapshots(selection(agent))) == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_duplicates(clean_caches: None) -> None:
    agent, at = an_agent(), time.time()

    def push(_: int) -> str:
        try:
            return str(agent.push_profile(ts=at).json()["status"])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(push, range(16)))
    assert outcomes.count("stored") == 1
    assert outcomes.count("already_stored") == 15
    assert len(snapshots(selection(agent))) == 1
