"""POST /ingest and /pyroscope/ingest, in the forms that Pyroscope's clients send."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection

from profiler_server.analysis.models import ServiceWatch
from profiler_server.analysis.window import OVERLAP_LABEL, newest_data, see_service
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.leak import LeakState
from profiler_server.profiles.queries import ProfileSelection, merged, snapshots
from tests.integration.ingest.pushes import Agent, a_heap_profile, an_agent

GO_TYPES = (
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
)
NAME = "shop.orders{pid=7,version=1.4,region=eu-west,__session_id__=abc}"


def push(
    agent: Agent, body: bytes | None = None, path: str = "/ingest", content_type: str = "x/y", **query: Any
) -> Any:
    now = time.time()
    asked = {
        "name": NAME,
        "from": int(now - 15),
        "until": int(now),
        "format": "pprof",
        "spyName": "gospy",
    } | query
    url = f"{path}?{urlencode({k: v for k, v in asked.items() if v is not None})}"
    return agent.post(url, a_heap_profile(types=GO_TYPES) if body is None else body, content_type)


def a_form(boundary: str = "xyz", **parts: bytes) -> tuple[bytes, str]:
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.pprof"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in parts.items()
    ]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def selection(
    agent: Agent, service: str = "shop.orders", sample_type: str = "inuse_space"
) -> ProfileSelection:
    found = Service.objects.get(project=agent.project, name=service)
    now = datetime.now(UTC)
    start, end = now - timedelta(hours=1), now + timedelta(hours=1)
    return ProfileSelection(agent.project.pk, found.pk, start, end, sample_type=sample_type)


@pytest.mark.parametrize("path", ["/ingest", "/pyroscope/ingest"])
def test_works(agent: Agent, path: str) -> None:
    answer = push(agent, path=path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert merged(selection(agent)).values.sum() == 5120
    instance = Instance.objects.get(project=agent.project)
    assert (instance.release, instance.language, instance.agent) == ("1.4", "go", "pyroscope/gospy")
    assert instance.labels == {"pid": "7", "version": "1.4", "region": "eu-west"}
    assert "abc" in instance.key


def test_takes_the_multipart_form(agent: Agent) -> None:
    config = json.dumps({"inuse_space": {"units": "bytes", "aggregation": "average"}}).encode()
    body, content_type = a_form(profile=a_heap_profile(types=GO_TYPES), sample_type_config=config)
    assert push(agent, body, content_type=content_type, format=None).status_code == 200
    assert merged(selection(agent)).values.sum() == 5120


def test_nodes_names_become_the_kept_ones(agent: Agent) -> None:
    body = a_heap_profile(types=(("objects", "count"), ("space", "bytes")))
    assert push(agent, body, name="front{}", spyName="nodespy").status_code == 200
    assert merged(selection(agent, "front")).values.sum() == 5120


def test_a_cpu_profile_is_taken_and_not_kept(agent: Agent) -> None:
    assert (
        push(agent, a_heap_profile(types=(("samples", "count"), ("cpu", "nanoseconds")))).status_code == 200
    )
    assert not Service.objects.filter(project=agent.project).exists()


def test_allocations_are_increases_unless_they_are_called_totals(agent: Agent) -> None:
    end = int(time.time()) - 60
    for name, totals in (("deltas", False), ("totals", True)):
        config = {kind: {"cumulative": totals} for kind, _ in GO_TYPES}
        for i in range(3):
            body, content_type = a_form(
                profile=a_heap_profile({("f",): 100}, types=GO_TYPES),
                sample_type_config=json.dumps(config).encode(),
            )
            times = {"from": end + 10 * i, "until": end + 10 * (i + 1)}
            assert (
                push(agent, body, content_type=content_type, name=f"{name}{{pid=1}}", **times).status_code
                == 200
            )
    assert merged(selection(agent, "deltas", "alloc_space")).values.sum() == 300
    assert merged(selection(agent, "totals", "alloc_space")).values.sum() == 0


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
def test_the_digits_of_a_time_say_its_unit(agent: Agent, scale: int) -> None:
    end = int(time.time()) - 30
    assert push(agent, **{"from": (end - 10) * scale, "until": end * scale}).status_code == 200
    (kept,) = snapshots(selection(agent))
    assert kept.taken_at.timestamp() == pytest.approx(end, abs=0.001)


def test_times_may_be_relative_or_missing(agent: Agent) -> None:
    assert push(agent, **{"from": "now-1m", "until": "now"}).status_code == 200
    assert push(agent, **{"from": None, "until": None}).status_code == 200


def test_one_process_is_one_life(agent: Agent) -> None:
    end = int(time.time())
    for i in range(3):
        push(agent, **{"from": end - 40 + 10 * i, "until": end - 30 + 10 * i})
    instance = Instance.objects.get(project=agent.project)
    assert instance.started_at.timestamp() == end - 40


def test_a_new_session_is_a_new_life(agent: Agent) -> None:
    push(agent)
    push(agent, name=NAME.replace("abc", "def"))
    assert Instance.objects.filter(project=agent.project).count() == 2


def test_processes_that_cannot_be_told_apart_are_not_judged(agent: Agent) -> None:
    end = int(time.time()) - 100
    for i in range(8):
        for shift in (0, 3):
            push(agent, name="shop{}", **{"from": end + 10 * i + shift, "until": end + 10 * (i + 1) + shift})
    instance = Instance.objects.get(project=agent.project)
    assert instance.labels.get(OVERLAP_LABEL) == "true"
    watch = ServiceWatch(service=instance.service, project=agent.project)
    assert newest_data(instance.service_id) == instance
    sight = see_service(watch.service, LeakState(), ignore_before=None, interval_seconds=None)
    assert sight is not None
    assert sight.lives == ()


def test_one_after_the_other_does_not_overlap(agent: Agent) -> None:
    end = int(time.time()) - 100
    for i in range(8):
        push(agent, name="shop{}", **{"from": end + 10 * i, "until": end + 10 * (i + 1)})
    assert OVERLAP_LABEL not in Instance.objects.get(project=agent.project).labels


def test_wrong_method(agent: Agent) -> None:
    assert agent.client.get("/ingest").status_code == 405


def test_no_token(agent: Agent) -> None:
    assert agent.client.post("/ingest?name=x", b"x", content_type="x/y").status_code == 401


def test_stays_in_its_own_project(agent: Agent) -> None:
    other = an_agent("other")
    push(agent, a_heap_profile({("a",): 5}))
    push(other, a_heap_profile({("b",): 7}))
    assert merged(selection(agent)).values.sum() == 5
    assert merged(selection(other)).values.sum() == 7


@pytest.mark.parametrize(
    "query",
    [
        {"name": None},
        {"name": ""},
        {"name": "{}"},
        {"name": "a b"},
        {"name": "a{x"},
        {"name": "a{x}"},
        {"name": "a{__name__=b}"},
        {"name": "a{x!=b}"},
        {"name": "a{x=\x00}"},
        {"name": "x" * 300},
        {"until": "yesterday"},
        {"until": "1"},
        {"until": "9" * 19},
        {"until": "9" * 40},
        {"from": "-5"},
        {"until": str(int(time.time()) - 90 * 86_400)},
    ],
)
def test_malformed_query(agent: Agent, query: dict[str, Any]) -> None:
    answer = push(agent, **query)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("form", ["jfr", "trie", "lines", "folded", None])
def test_other_forms_are_named_as_such(agent: Agent, form: str | None) -> None:
    answer = push(agent, format=form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_format")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "x/y"),
        (b"not a profile", "x/y"),
        (b"", "multipart/form-data"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nbody\r\n--x--", "multipart/form-data; boundary=x"),
        (*a_form(sample_type_config=b"{}"),),
        (*a_form(profile=a_heap_profile(types=GO_TYPES), sample_type_config=b"[1]"),),
        (*a_form(profile=a_heap_profile(types=GO_TYPES), sample_type_config=b"{"),),
        (*a_form(profile=a_heap_profile(types=GO_TYPES), prev_profile=b"x"),),
    ],
)
def test_malformed_body(agent: Agent, body: bytes, content_type: str) -> None:
    assert push(agent, body, content_type=content_type).status_code == 422


def test_too_many_parts(agent: Agent) -> None:
    body, content_type = a_form(**{f"part{i}": b"x" for i in range(40)})
    assert push(agent, body, content_type=content_type).status_code == 413


def test_too_large(agent: Agent, settings: Any) -> None:
    settings.ENV = type(settings.ENV)(**{**vars(settings.ENV), "max_profile_bytes": 100})
    assert push(agent).status_code == 413


def test_duplicate_changes_nothing(agent: Agent) -> None:
    end = int(time.time())
    for _ in range(2):
        assert push(agent, **{"from": end - 10, "until": end}).status_code == 200
    assert len(snapshots(selection(agent))) == 1
    assert OVERLAP_LABEL not in Instance.objects.get(project=agent.project).labels


@pytest.mark.django_db(transaction=True)
def test_concurrent_duplicates(clean_caches: None) -> None:
    agent, end = an_agent(), int(time.time())

    def one(_: int) -> int:
        try:
            return int(push(agent, **{"from": end - 10, "until": end}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(16))) == {200}
    assert Instance.objects.filter(project=agent.project).count() == 1
    assert len(snapshots(selection(agent))) == 1
