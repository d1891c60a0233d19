"""POST /v1/holders, and the commands that lead to it."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from profiler_server.analysis.actions.deliver_commands import MAX_DELIVERIES, WAITING, deliver_commands
from profiler_server.analysis.actions.request_command import CommandRequest, request_command
from profiler_server.analysis.models import AgentCommand, CommandKind, HolderReport
from profiler_server.catalog.models import Instance
from tests.integration.analysis.findings import a_finding
from tests.integration.ingest.pushes import Agent, a_points_form, an_agent, an_instance

URL = "/v1/holders"
SITE = [{"function": "remember_order", "file": "orders.py", "line": 42}]


def a_report(**changes: Any) -> dict[str, Any]:
    return {
        "instance": an_instance(),
        "command_id": "",
        "ts": 1_790_000_000.0,
        "method": "census",
        "site": SITE,
        "pause_ms": 8.5,
        "unexplained_share": 0.02,
        "paths": [
            {"path": "module a → B: dict", "share": 0.05, "objects": 2, "bytes": 10},
            {"path": "module shop.cache → RESULTS: dict", "share": 0.93, "objects": 412, "bytes": 1230},
        ],
        **changes,
    }


def push(agent: Agent, **changes: Any) -> Any:
    return agent.post(URL, json.dumps(a_report(**changes)).encode())


def a_command(agent: Agent, kind: CommandKind = CommandKind.FIND_HOLDERS) -> AgentCommand:
    agent.push_points()
    instance = Instance.objects.get(project=agent.project)
    command = request_command(instance, CommandRequest(kind, {"site": SITE}), at=timezone.now())
    WAITING.forget()
    assert command is not None
    return command


def test_works(agent: Agent) -> None:
    assert push(agent).json() == {"status": "stored", "commands": []}
    report = HolderReport.objects.get(project=agent.project)
    assert [path["share"] for path in report.paths] == [0.93, 0.05]
    assert report.site == SITE


def test_a_command_goes_out_once_and_is_answered(agent: Agent) -> None:
    command = a_command(agent)
    told = agent.push_points().json()["commands"]
    assert told == [{"id": str(command.pk), "kind": "find_holders", "site": SITE}]
    assert agent.push_points().json()["commands"] == []
    assert push(agent, command_id=str(command.pk)).status_code == 200
    command.refresh_from_db()
    assert command.answered_at is not None
    assert HolderReport.objects.get().command == command


def test_profiles_carry_commands_too(agent: Agent) -> None:
    a_command(agent, CommandKind.ARM_SAMPLER)
    assert [c["kind"] for c in agent.push_profile(release="1.0").json()["commands"]] == ["arm_sampler"]


def test_a_command_whose_answer_was_lost_is_repeated_within_bounds(agent: Agent) -> None:
    command = a_command(agent)
    at = timezone.now()
    times = 0
    for minute in range(29):
        WAITING.forget()
        times += len(deliver_commands(command.instance_id, at=at + timedelta(minutes=minute)))
    assert times == MAX_DELIVERIES


def test_a_command_expires(agent: Agent) -> None:
    command = a_command(agent)
    assert deliver_commands(command.instance_id, at=timezone.now() + timedelta(hours=1)) == []


def test_the_same_is_not_asked_again_soon(agent: Agent) -> None:
    command = a_command(agent)
    again = CommandRequest(CommandKind.FIND_HOLDERS, {"site": SITE})
    assert request_command(command.instance, again, at=timezone.now()) is None
    assert request_command(command.instance, again, at=timezone.now() + timedelta(hours=2)) is not None


def test_another_instance_does_not_get_it(agent: Agent) -> None:
    a_command(agent)
    assert agent.push_points(a_points_form(instance=an_instance(key="host:2"))).json()["commands"] == []


def test_the_report_joins_the_finding(agent: Agent) -> None:
    command = a_command(agent)
    found = a_finding(command.instance.service)
    AgentCommand.objects.update(finding=found)
    push(agent, command_id=str(command.pk))
    assert found.holder_reports.count() == 1
    assert found.events.filter(kind="holders").get().text == "module shop.cache → RESULTS: dict"


def test_wrong_method(agent: Agent) -> None:
    assert agent.client.get(URL).status_code == 405


def test_no_token(agent: Agent) -> None:
    assert agent.client.post(URL, b"{}", content_type="application/json").status_code == 401


def test_another_projects_command_is_not_closed(agent: Agent) -> None:
    command = a_command(agent)
    other = an_agent("other")
    assert push(other, command_id=str(command.pk)).status_code == 200
    command.refresh_from_db()
    assert command.answered_at is None
    assert HolderReport.objects.get().command is None


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "guess"},
        {"ts": None},
        {"instance": None},
        {"command_id": 5},
        {"paths": "x"},
        {"paths": [{"share": 1}]},
        {"paths": [{"path": "x", "share": "y"}]},
        {"paths": [{"path": "a\x00", "share": 1}]},
        {"site": {}},
        {"site": ["frame"]},
        {"site": [{"function": "f", "line": -1}]},
        {"pause_ms": float("nan")},
    ],
)
def test_malformed(agent: Agent, changes: dict[str, Any]) -> None:
    answer = push(agent, **changes)
    assert answer.status_code in {413, 422}
    assert answer.json()["error"]["message"]


def test_an_unknown_command_is_no_error(agent: Agent) -> None:
    assert push(agent, command_id="not-a-uuid").status_code == 200
    assert push(agent, command_id=str(uuid.uuid4()), ts=time.time()).status_code == 200


def test_too_large(agent: Agent) -> None:
    assert push(agent, paths=[{"path": "x" * 900, "share": 0.1}] * 2000).status_code == 413


def test_duplicate_is_known(agent: Agent) -> None:
    assert [push(agent).json()["status"] for _ in range(2)] == ["stored", "already_stored"]
    assert HolderReport.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_duplicates(clean_caches: None) -> None:
    agent = an_agent()
    command = a_command(agent)

    def one(_: int) -> str:
        try:
            return str(push(agent, command_id=str(command.pk)).json()["status"])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(one, range(12)))
    assert outcomes.count("stored") == 1
    assert HolderReport.objects.count() == 1
