"""A kill in the control group becomes a marker, told by one process of the service."""

from __future__ import annotations

import json

import pytest
from plimsoll_agent.agent import Agent
from plimsoll_agent.cgroup import Cgroup
from plimsoll_agent.samplers.absent import AbsentSampler
from plimsoll_agent.settings import Settings


@pytest.mark.parametrize(("forked", "wanted"), [(False, ["oom"]), (True, [])])
def test_kills(tmp_path, forked: bool, wanted: list[str]) -> None:
    agent = Agent(Settings(service="s", url="http://127.0.0.1:9"), AbsentSampler(), forked=forked)
    group = Cgroup(str(tmp_path), 2)
    for kills in (3, 3, 5, 5):
        (tmp_path / "memory.events").write_text(f"low 0\noom_kill {kills}\n")
        agent._note_kills(group.read(), 1000.0)
    request = agent._messenger.points.seal({})
    marks = json.loads(request.body)["markers"] if request else []
    assert [mark["kind"] for mark in marks] == wanted
    assert all(mark["text"].startswith("2 killed") for mark in marks)
