"""The first mail waits a moment for what the agents are about to say, and no longer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from profiler_server.analysis.actions.hold_announcement import (
    HOLDERS_GRACE,
    SUSPECTS_GRACE,
    hold_announcement,
)
from profiler_server.analysis.actions.request_command import CommandRequest, request_command
from profiler_server.analysis.actions.store_holder_report import HolderAnswer, HolderPath, store_holder_report
from profiler_server.analysis.actions.take_announcements import take_announcements
from profiler_server.analysis.models import CommandKind, Finding
from tests.integration.analysis.findings import NOW, a_finding, a_live_instance, a_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_caches")]


def a_python_finding(**changes: Any) -> Finding:
    return a_finding(a_service(language="python"), **changes)


def held_seconds(found: Finding) -> float:
    at = timezone.now()
    hold_announcement(found.service, found, at=at)
    until = found.events.get().held_until
    assert until is not None
    return (until - at).total_seconds()


def test_what_is_known_goes_out_at_once() -> None:
    found = a_python_finding()
    assert held_seconds(found) == 0
    assert len(take_announcements(10)) == 1


def test_without_suspects_it_waits_for_the_sampler() -> None:
    found = a_python_finding(suspects=[])
    assert held_seconds(found) == SUSPECTS_GRACE.total_seconds()
    assert take_announcements(10) == []
    found.suspects = [{"function": "f"}]
    assert held_seconds(found) == 0
    assert len(take_announcements(10)) == 1


def test_it_never_waits_longer_than_it_said_first() -> None:
    found = a_python_finding(suspects=[])
    hold_announcement(found.service, found, at=timezone.now() - SUSPECTS_GRACE)
    hold_announcement(found.service, found, at=timezone.now())
    assert len(take_announcements(10)) == 1


@pytest.mark.parametrize("change", [{"family": "native"}, {"forecast_p10_at": NOW + timedelta(minutes=5)}])
def test_some_do_not_wait(change: dict[str, Any]) -> None:
    assert held_seconds(a_python_finding(suspects=[], **change)) == 0


def test_other_languages_do_not_wait() -> None:
    assert held_seconds(a_finding(a_service(language="go"), suspects=[])) == 0


def test_it_waits_for_holders_until_they_are_there() -> None:
    found = a_python_finding()
    instance = a_live_instance(found.service)
    command = request_command(
        instance, CommandRequest(CommandKind.FIND_HOLDERS, {"site": []}), at=timezone.now(), finding=found
    )
    assert command is not None
    assert held_seconds(found) == HOLDERS_GRACE.total_seconds()
    assert take_announcements(10) == []
    answer = HolderAnswer(
        str(command.pk),
        NOW,
        "census",
        (),
        (HolderPath("module a → B", 0.9, 4, 100),),
        pause_ms=3.0,
        unexplained_share=0.1,
    )
    assert store_holder_report(instance, answer)
    (event,) = take_announcements(10)
    assert event.kind == "opened"
