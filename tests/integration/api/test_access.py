"""Who may ask the API, and how it refuses."""

from __future__ import annotations

import base64

import pytest
from django.test import Client

from tests.integration.api.shelf import Shelf

PAGES = ("flame", "diff", "top", "callers", "growth", "snapshots", "labels", "series", "pprof")


@pytest.mark.parametrize("page", PAGES)
def test_nobody_gets_nothing(shelf: Shelf, page: str) -> None:
    response = Client().get(shelf.path(page))
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"
    assert "Bearer" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("page", PAGES)
def test_another_projects_member_finds_no_such_service(shelf: Shelf, page: str) -> None:
    response = shelf.stranger.get(shelf.path(page, function="x"))
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_another_projects_name_is_not_found(shelf: Shelf) -> None:
    assert shelf.stranger.get(shelf.path("top", project="shop")).status_code == 404


def test_a_token_may_ask(shelf: Shelf) -> None:
    bearer = Client().get(shelf.path("top"), headers={"Authorization": f"Bearer {shelf.token}"})
    basic = base64.b64encode(f"anyone:{shelf.token}".encode()).decode()
    assert bearer.status_code == 200
    assert (
        Client().get(shelf.path("top"), headers={"Authorization": f"Basic {basic}"}).json() == bearer.json()
    )


@pytest.mark.parametrize("value", ["Bearer wrong", "Basic !!!", "Bearer "])
def test_a_wrong_token_may_not(shelf: Shelf, value: str) -> None:
    response = Client().get(shelf.path("top"), headers={"Authorization": value})
    assert response.status_code == 401
    assert "token" in response.json()["error"]["message"]


@pytest.mark.parametrize("page", PAGES)
def test_wrong_method(shelf: Shelf, page: str) -> None:
    response = shelf.member.post(shelf.path(page))
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_an_unknown_service(shelf: Shelf) -> None:
    response = shelf.member.get("/api/v1/services/nowhere/flame")
    assert response.status_code == 404
    assert "nowhere" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"from": "yesterday"}, 415, "unsupported_format"),
        ({"from": "now", "to": "now-1h"}, 415, "unsupported_format"),
        ({"from": "now-99w"}, 413, "limit_exceeded"),
        ({"granularity": "word"}, 415, "unsupported_format"),
        ({"instance": "web-1"}, 415, "unsupported_format"),
        ({"snapshot": "nonsense"}, 404, "not_found"),
        ({"type": "moon_phase"}, 404, "not_found"),
        ({"max_nodes": "many"}, 415, "unsupported_format"),
        ({"max_nodes": "100000000"}, 413, "limit_exceeded"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    shelf: Shelf, query: dict[str, str], status: int, code: str
) -> None:
    response = shelf.member.get(shelf.path("flame", **query))
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"]["message"].endswith(".")


def test_the_description_names_every_endpoint(client: Client) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    named = {path.rpartition("/")[2] for path in document["paths"]}
    assert named >= {*PAGES, "services", "view"}
