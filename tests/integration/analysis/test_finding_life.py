"""What people do with a finding."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from profiler_server.analysis import queries
from profiler_server.analysis.actions.acknowledge_finding import acknowledge_finding
from profiler_server.analysis.actions.assign_finding import assign_finding
from profiler_server.analysis.actions.claim_due_services import wake_snoozed_findings
from profiler_server.analysis.actions.comment_finding import comment_finding
from profiler_server.analysis.actions.reopen_finding import reopen_finding
from profiler_server.analysis.actions.resolve_finding import resolve_finding
from profiler_server.analysis.actions.snooze_finding import Snooze, snooze_finding
from profiler_server.analysis.models import Finding, ServiceWatch
from profiler_server.core.errors import Conflict, LimitExceeded, NotFound
from tests.integration.analysis.findings import (
    NOW,
    a_finding,
    a_live_instance,
    a_member,
    a_project,
    a_service,
)


@pytest.fixture
def found(db: None) -> Finding:
    return a_finding(a_service())


@pytest.fixture
def ada(found: Finding) -> User:
    return a_member(found.project)


def kinds(found: Finding) -> list[str]:
    return [event.kind for event in queries.events(found.project_id, found.pk)]


def test_acknowledge(found: Finding, ada: User) -> None:
    after = acknowledge_finding(found.project_id, found.pk, actor_id=ada.pk)
    assert (after.status, after.assignee_id) == ("acknowledged", ada.pk)
    assert kinds(found) == ["opened", "acknowledged"]


def test_assign_to_a_member_and_to_nobody(found: Finding, ada: User) -> None:
    assert (
        assign_finding(found.project_id, found.pk, actor_id=ada.pk, assignee_id=ada.pk).assignee_id == ada.pk
    )
    assert assign_finding(found.project_id, found.pk, actor_id=ada.pk, assignee_id=None).assignee_id is None
    texts = [event.text for event in queries.events(found.project_id, found.pk) if event.kind == "assigned"]
    assert texts == ["to ada", "to nobody"]


def test_a_stranger_cannot_be_assigned(found: Finding, ada: User) -> None:
    stranger = a_member(a_project("other"), "eve")
    with pytest.raises(NotFound):
        assign_finding(found.project_id, found.pk, actor_id=ada.pk, assignee_id=stranger.pk)


def test_comment(found: Finding, ada: User) -> None:
    comment_finding(found.project_id, found.pk, actor_id=ada.pk, text="  looking \x00 ")
    event = queries.events(found.project_id, found.pk)[-1]
    assert (event.kind, event.text, event.actor) == ("commented", "looking", ada)
    with pytest.raises(Conflict):
        comment_finding(found.project_id, found.pk, actor_id=ada.pk, text=" ")
    with pytest.raises(LimitExceeded):
        comment_finding(found.project_id, found.pk, actor_id=ada.pk, text="x" * 20_000)


def test_snooze_until_a_time_and_wake(found: Finding, ada: User) -> None:
    until = timezone.now() + timedelta(hours=1)
    assert (
        snooze_finding(found.project_id, found.pk, Snooze(until=until), actor_id=ada.pk).status == "snoozed"
    )
    assert wake_snoozed_findings() == 0
    Finding.objects.update(snoozed_until=timezone.now())
    assert wake_snoozed_findings() == 1
    assert wake_snoozed_findings() == 0
    found.refresh_from_db()
    assert (found.status, found.episode) == ("open", 2)
    assert kinds(found) == ["opened", "snoozed", "awoke"]


def test_snooze_until_a_release_or_worse(found: Finding, ada: User) -> None:
    snooze = Snooze(until_release=True, worse_percent=50)
    after = snooze_finding(found.project_id, found.pk, snooze, actor_id=ada.pk)
    assert after.snoozed_release == "2.4.0"
    assert after.snoozed_growth_ceiling == pytest.approx(72 * 2**20)
    text = queries.events(found.project_id, found.pk)[-1].text
    assert text == "until the next release or until it grows faster than +72.0 MiB/h"


@pytest.mark.parametrize(
    "snooze",
    [Snooze(), Snooze(until=NOW - timedelta(days=1)), Snooze(worse_percent=-5), Snooze(worse_percent=1e9)],
)
def test_a_snooze_needs_a_sensible_end(found: Finding, ada: User, snooze: Snooze) -> None:
    with pytest.raises(Conflict):
        snooze_finding(found.project_id, found.pk, snooze, actor_id=ada.pk)


def test_resolve_lets_the_detector_start_afresh(found: Finding, ada: User) -> None:
    ServiceWatch.objects.update(state={"leak": {"format": 1}}, data_until=NOW)
    after = resolve_finding(found.project_id, found.pk, actor_id=ada.pk, text="fixed in 2.4.1")
    assert (after.status, after.resolved_by_id) == ("resolved", ada.pk)
    watch = ServiceWatch.objects.get()
    assert (watch.state, watch.ignore_before, watch.version) == ({}, NOW, 1)


def test_reopen(found: Finding, ada: User) -> None:
    resolve_finding(found.project_id, found.pk, actor_id=ada.pk)
    after = reopen_finding(found.project_id, found.pk, actor_id=ada.pk)
    assert (after.status, after.resolved_at, after.episode) == ("open", None, 2)
    assert ServiceWatch.objects.get().ignore_before is None


def test_reopen_beside_a_newer_finding_of_the_family(found: Finding, ada: User) -> None:
    resolve_finding(found.project_id, found.pk, actor_id=ada.pk)
    a_finding(found.service)
    with pytest.raises(Conflict):
        reopen_finding(found.project_id, found.pk, actor_id=ada.pk)
    found.refresh_from_db()
    assert found.status == "resolved"


def test_what_is_over_cannot_be_acted_on(found: Finding, ada: User) -> None:
    resolve_finding(found.project_id, found.pk, actor_id=ada.pk)
    for act in (acknowledge_finding, resolve_finding):
        with pytest.raises(Conflict):
            act(found.project_id, found.pk, actor_id=ada.pk)
    with pytest.raises(Conflict):
        snooze_finding(found.project_id, found.pk, Snooze(until_release=True), actor_id=ada.pk)


def test_another_project_sees_nothing(found: Finding, ada: User) -> None:
    other = a_project("other").pk
    for act in (acknowledge_finding, resolve_finding, reopen_finding):
        with pytest.raises(NotFound):
            act(other, found.pk, actor_id=ada.pk)
    with pytest.raises(NotFound):
        queries.finding(other, found.pk)
    assert queries.events(other, found.pk) == []
    assert queries.open_findings(other) == []


def test_who_has_seen_an_older_state_is_told(found: Finding, ada: User) -> None:
    comment_finding(found.project_id, found.pk, actor_id=ada.pk, text="first")
    with pytest.raises(Conflict):
        acknowledge_finding(found.project_id, found.pk, actor_id=ada.pk, version=found.version)
    assert kinds(found) == ["opened", "commented"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_acknowledges() -> None:
    found = a_finding(a_service())
    ada = a_member(found.project)

    def act(_: int) -> bool:
        try:
            acknowledge_finding(found.project_id, found.pk, actor_id=ada.pk, version=1)
        except Conflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(act, range(12))) == 1
    assert kinds(found) == ["opened", "acknowledged"]


def test_the_soonest_to_die_comes_first(found: Finding) -> None:
    later = a_finding(a_service(name="b"), forecast_p50_at=NOW + timedelta(days=9))
    never = a_finding(a_service(name="c"), forecast_p50_at=None)
    order = queries.open_findings(found.project_id)
    assert [one.pk for one in order] == [found.pk, later.pk, never.pk]


def test_the_two_ranges_to_compare(found: Finding) -> None:
    (base_start, base_end), (start, end) = queries.baseline_and_current(found)
    assert (base_start, end) == (found.started_at, found.updated_at)
    assert base_end - base_start == end - start == timedelta(minutes=18)


@pytest.mark.parametrize(
    ("restart_minutes", "expected"), [((), (0, 180)), ((20,), (20, 180)), ((100, 160), (0, 100))]
)
def test_before_and_now_lie_in_one_life_of_the_process(
    db: None, restart_minutes: tuple[int, ...], expected: tuple[int, int]
) -> None:
    service = a_service()
    found = a_finding(service)
    for minutes in restart_minutes:
        at = found.started_at + timedelta(minutes=minutes)
        a_live_instance(service, f"host:{minutes}", started_at=at, first_seen_at=at)
    before, now = queries.baseline_and_current(found)
    start, end = (found.started_at + timedelta(minutes=minutes) for minutes in expected)
    assert before[0] == start
    assert now[1] == end
    assert before[1] - before[0] == now[1] - now[0] == (end - start) / queries.COMPARED_PARTS
