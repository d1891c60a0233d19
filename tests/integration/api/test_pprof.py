"""Profiles to take away, and files to look at."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from profiler_server.codecs import pprof
from profiler_server.codecs.flame_payload import MAGIC
from tests.integration.api.shelf import KIB, Shelf, a_heap

VIEW = "/api/v1/pprof/view"
OCTETS = "application/octet-stream"


def test_a_selection_as_pprof(shelf: Shelf) -> None:
    response = shelf.member.get(shelf.path("pprof"))
    profile = pprof.decode(response.content)
    assert "attachment" in response.headers["Content-Disposition"]
    assert int(profile.values.sum()) == pytest.approx(600 * KIB, rel=0.1)


def test_a_snapshot_has_all_its_sample_types(shelf: Shelf) -> None:
    newest = shelf.json("snapshots")["snapshots"][0]["id"]
    profile = pprof.decode(shelf.member.get(shelf.path("pprof", snapshot=newest)).content)
    assert {kind.name for kind in profile.sample_types} == {"inuse_space", "inuse_objects"}


def test_a_file_is_shown_and_not_stored(shelf: Shelf) -> None:
    before = len(shelf.json("snapshots")["snapshots"])
    body = pprof.encode(a_heap({"render": 7 * KIB}))
    answer = shelf.member.post(VIEW, body, content_type=OCTETS).json()
    assert answer["nodes"]["value"][0] == 7 * KIB
    assert answer["meta"]["sample_types"] == ["inuse_objects", "inuse_space"]
    assert len(shelf.json("snapshots")["snapshots"]) == before


def test_a_file_in_binary_columns_and_another_type(shelf: Shelf) -> None:
    body = pprof.encode(a_heap({"render": 7 * KIB}))
    assert shelf.member.post(f"{VIEW}?format=binary", body, content_type=OCTETS).content[:4] == MAGIC
    answer = shelf.member.post(f"{VIEW}?type=inuse_objects", body, content_type=OCTETS).json()
    assert answer["nodes"]["value"][0] == 7


@pytest.mark.parametrize("body", [b"", b"hello", b"\x1f\x8bnot gzip"])
def test_a_file_that_is_no_profile(shelf: Shelf, body: bytes) -> None:
    response = shelf.member.post(VIEW, body, content_type=OCTETS)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_profile"


def test_a_file_that_is_too_large(shelf: Shelf, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    size = settings.ENV.max_profile_bytes + 1
    response = shelf.member.generic(
        "POST", VIEW, b"x", content_type=OCTETS, headers={"Content-Length": str(size)}
    )
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "limit_exceeded"


def test_a_session_needs_the_csrf_token(shelf: Shelf) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = shelf.member.cookies
    refused = strict.post(VIEW, b"x", content_type=OCTETS)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")
    bearer = {"Authorization": f"Bearer {shelf.token}"}
    assert (
        Client(enforce_csrf_checks=True).post(VIEW, b"x", content_type=OCTETS, headers=bearer).status_code
        == 422
    )
