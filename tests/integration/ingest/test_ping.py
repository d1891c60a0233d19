"""GET /v1/ping."""

from __future__ import annotations

import base64

from django.utils import timezone

from profiler_server.accounts.models import ApiToken
from profiler_server.ingest.tokens import GRANTS
from tests.integration.ingest.pushes import Agent, an_agent


def ping(agent: Agent, authorization: str | None = None) -> tuple[int, dict[str, object]]:
    given = authorization if authorization is not None else f"Bearer {agent.token}"
    answer = agent.client.get("/v1/ping", headers={"Authorization": given})
    return answer.status_code, answer.json()


def test_works(agent: Agent) -> None:
    assert ping(agent) == (200, {"project": "shop", "server": "plimsoll"})


def test_takes_the_token_as_a_password(agent: Agent) -> None:
    word = base64.b64encode(f"anyone:{agent.token}".encode()).decode()
    assert ping(agent, f"Basic {word}")[0] == 200


def test_wrong_method(agent: Agent) -> None:
    assert agent.client.post("/v1/ping").status_code == 405


def test_no_token(agent: Agent) -> None:
    assert ping(agent, "")[0] == 401


def test_a_revoked_token_is_refused(agent: Agent) -> None:
    assert ping(agent)[0] == 200
    ApiToken.objects.update(revoked_at=timezone.now())
    GRANTS.clear()  # or wait for the cache to end
    assert ping(agent)[0] == 401


def test_a_token_says_when_it_was_used(agent: Agent) -> None:
    ping(agent)
    assert ApiToken.objects.get().last_used_at is not None


def test_names_its_own_project(agent: Agent) -> None:
    other = an_agent("other")
    assert ping(other)[1]["project"] == "other"
    assert ping(agent)[1]["project"] == "shop"


def test_the_cache_of_tokens_is_bounded(agent: Agent) -> None:
    small = type(GRANTS)(max_entries=3)
    for i in range(10):
        assert small.grant(f"unknown-{i}") is None
    assert len(small) == 3
