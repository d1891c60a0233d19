"""POST /v1/points."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import zstandard
from django.db import connection

from profiler_server.catalog.models import Instance, Marker, Release, Service
from profiler_server.series.queries import read_series
from tests.integration.ingest.pushes import Agent, a_points_form, an_agent, an_instance

URL = "/v1/points"


def rss_of(agent: Agent) -> list[float]:
    service = Service.objects.get(project=agent.project)
    now = datetime.now(UTC)
    found = read_series(
        agent.project.pk, service.pk, now - timedelta(hours=1), now + timedelta(hours=1), names=["rss_bytes"]
    )
    return [value for one in found for value in one.values.tolist()]


def test_works(agent: Agent) -> None:
    answer = agent.push_points()
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": {"points": 3, "markers": 0, "dropped": 0},
        "next_push_seconds": None,
        "commands": [],
    }
    instance = Instance.objects.get(project=agent.project)
    assert (instance.key, instance.release, instance.labels) == ("host:1", "1.0", {"region": "eu"})
    assert instance.memory_limit_bytes == 1 << 30
    assert Release.objects.get(project=agent.project).version == "1.0"
    assert rss_of(agent) == [100.0, 101.0, 102.0]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_takes_packed_bodies(agent: Agent, encoding: str) -> None:
    plain = json.dumps(a_points_form()).encode()
    packed = gzip.compress(plain) if encoding == "gzip" else zstandard.compress(plain)
    assert agent.post(URL, packed, **{"Content-Encoding": encoding}).status_code == 200
    assert rss_of(agent) == [100.0, 101.0, 102.0]


def test_null_is_a_gap(agent: Agent) -> None:
    form = a_points_form()
    form["points"]["columns"]["rss_bytes"] = [1.0, None, 3.0]
    assert agent.push_points(form).status_code == 200
    assert [value for value in rss_of(agent) if not np.isnan(value)] == [1.0, 3.0]


def test_keeps_markers_once(agent: Agent) -> None:
    at = time.time() - 20
    markers = [
        {"ts": at, "kind": "deploy", "version": "1.1", "text": "rollout"},
        {"ts": at, "kind": "oom", "text": "killed"},
    ]
    for _ in range(2):
        assert agent.push_points(a_points_form(markers=markers)).json()["accepted"]["markers"] == 2
    kinds = Marker.objects.filter(project=agent.project).values_list("kind", "instance__key", "version")
    assert sorted(kinds, key=str) == [("deploy", None, "1.1"), ("oom", "host:1", "")]


def test_drops_points_from_impossible_times(agent: Agent) -> None:
    form = a_points_form()
    form["points"]["ts"] = [1_000_000_000.0, time.time(), time.time() + 86_400]
    assert agent.push_points(form).json()["accepted"] == {"points": 1, "markers": 0, "dropped": 2}


def test_wrong_method(agent: Agent) -> None:
    answer = agent.client.get(URL)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic !!!", "Bearer", "Digest x", "Bearer \x00"])
def test_no_token(agent: Agent, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = agent.client.post(URL, b"{}", content_type="application/json", headers=headers)
    assert answer.status_code == 401
    assert "Bearer <token>" in answer.json()["error"]["message"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_stays_in_its_own_project(agent: Agent) -> None:
    other = an_agent("other")
    assert other.push_points().status_code == 200
    assert agent.push_points().status_code == 200
    assert Service.objects.filter(name="shop").count() == 2
    assert rss_of(agent) == rss_of(other) == [100.0, 101.0, 102.0]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"[]", "object"),
        (b"{" * 100_000, "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"{}", "instance"),
        (json.dumps({"instance": an_instance(service="")}).encode(), "instance.service"),
        (json.dumps({"instance": an_instance(key="a\x00b")}).encode(), "instance.key"),
        (json.dumps({"instance": an_instance(key="\ud800")}).encode(), "instance.key"),
        (json.dumps({"instance": an_instance(started_at="now")}).encode(), "started_at"),
        (json.dumps({"instance": an_instance(started_at=-1)}).encode(), "started_at"),
        (json.dumps({"instance": an_instance(labels=[1])}).encode(), "labels"),
        (json.dumps({"instance": an_instance(labels={str(i): "" for i in range(99)})}).encode(), "labels"),
        (json.dumps({"instance": an_instance(memory_limit_bytes=10**30)}).encode(), "memory_limit_bytes"),
        (json.dumps({"instance": an_instance(release=7)}).encode(), "release"),
        (json.dumps(a_points_form(points=[1])).encode(), "points"),
        (json.dumps(a_points_form(points={"ts": 1, "columns": {}})).encode(), "points.ts"),
        (json.dumps(a_points_form(points={"ts": [1.0], "columns": {"rss_bytes": 5}})).encode(), "column"),
        (
            json.dumps(a_points_form(points={"ts": [1.0], "columns": {"rss_bytes": []}})).encode(),
            "long as ts",
        ),
        (json.dumps(a_points_form(points={"ts": [1.0], "columns": {"Rss!": [1]}})).encode(), "Rss!"),
        (json.dumps(a_points_form(points={"ts": ["x"], "columns": {}})).encode(), "ts"),
        (json.dumps(a_points_form(markers=[{"kind": "party", "ts": 1}])).encode(), "kind"),
    ],
)
def test_malformed(agent: Agent, body: bytes, word: str) -> None:
    answer = agent.post(URL, body)
    assert answer.status_code == 422
    assert word in answer.json()["error"]["message"]
    assert not Service.objects.filter(project=agent.project).exists()


def test_names_an_encoding_that_it_reads(agent: Agent) -> None:
    answer = agent.post(URL, b"x", **{"Content-Encoding": "br"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_format")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_that_is_not_what_it_says(agent: Agent, encoding: str) -> None:
    answer = agent.post(URL, b"not packed", **{"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_encoding")


def test_too_large(agent: Agent, settings: Any) -> None:
    answer = agent.post(URL, b" " * (settings.ENV.max_points_bytes + 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "limit_exceeded")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_not_unpacked(agent: Agent, encoding: str) -> None:
    zeros = bytes(64 << 20)
    packed = gzip.compress(zeros, 9) if encoding == "gzip" else zstandard.compress(zeros)
    answer = agent.post(URL, packed, **{"Content-Encoding": encoding})
    assert answer.status_code in {400, 413}


def test_duplicate_changes_nothing(agent: Agent) -> None:
    form = a_points_form()
    first, second = agent.push_points(form), agent.push_points(form)
    assert first.json()["accepted"] == second.json()["accepted"]
    assert rss_of(agent) == [100.0, 101.0, 102.0]
    assert Instance.objects.filter(project=agent.project).count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_duplicates(clean_caches: None) -> None:
    agent = an_agent()
    form = a_points_form(markers=[{"ts": time.time(), "kind": "note", "text": "x"}])

    def push(_: int) -> int:
        try:
            return agent.push_points(form).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(push, range(16))) == {200}
    assert rss_of(agent) == [100.0, 101.0, 102.0]
    assert Instance.objects.filter(project=agent.project).count() == 1
    assert Marker.objects.filter(project=agent.project, kind="note").count() == 1


def test_a_token_that_sends_too_often_waits(agent: Agent, settings: Any) -> None:
    settings.ENV = type(settings.ENV)(**{**vars(settings.ENV), "requests_per_minute": 5})
    codes = [agent.push_points().status_code for _ in range(8)]
    refused = agent.push_points()
    assert codes[:3] == [200] * 3
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
