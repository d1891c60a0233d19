"""From what the detector says to the life of a finding."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from profiler_server.analysis.actions.record_evaluation import Verdict, record_evaluation
from profiler_server.analysis.models import EventKind, Finding, FindingStatus
from profiler_server.catalog.models import Service
from profiler_server.core.leak.model import Evidence
from tests.integration.analysis.evaluations import DETECTED, a_cure, a_suspect, a_verdict
from tests.integration.analysis.findings import NOW, a_service

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
MUCH_LATER = NOW + timedelta(hours=9)


def say(service: Service, verdict: Verdict) -> Finding | None:
    with transaction.atomic():
        return record_evaluation(service, verdict)


def kinds(found: Finding) -> list[str]:
    return list(found.events.values_list("kind", flat=True))


def opened(service: Service, **changes: Any) -> Finding:
    found = say(service, a_verdict(**changes))
    assert found is not None
    return found


def test_a_leak_opens_a_finding_with_all_that_is_known() -> None:
    found = opened(a_service())
    found.refresh_from_db()
    assert (found.status, found.family, found.diagnosis) == ("open", "heap", "heap_leak")
    assert (found.detected_at, found.started_at) == (DETECTED, NOW - timedelta(hours=2))
    assert (found.growth_bytes_per_hour, found.growth_low, found.growth_high) == (4e7, 3e7, 5e7)
    assert found.forecast_p50_at == NOW + timedelta(hours=3)
    assert (found.limit_bytes, found.first_release, found.verdict) == (512 << 20, "2.4.0", "It leaks.")
    assert found.suspects[0]["function"] == "remember_order"
    assert kinds(found) == ["opened"]


def test_saying_it_again_updates_the_same_finding() -> None:
    service = a_service()
    first = opened(service)
    second = opened(service, at=LATER, growth_bytes_per_hour=6e7)
    assert second.pk == first.pk
    assert Finding.objects.get().growth_bytes_per_hour == 6e7
    assert kinds(second) == ["opened"]


@pytest.mark.parametrize("verdict", ["healthy", "insufficient_data"])
def test_other_verdicts_open_nothing(verdict: str) -> None:
    assert say(a_service(), a_verdict(verdict=verdict, detected_at=None)) is None
    assert not Finding.objects.exists()


def test_suspects_are_kept_when_a_later_look_names_none() -> None:
    service = a_service()
    opened(service)
    assert opened(service, suspects=()).suspects[0]["function"] == "remember_order"


def evidence(log_evidence: float) -> Evidence:
    return Evidence(
        signal="heap", floor=(), slope=None, load=None, alternatives=(), sites=None, log_evidence=log_evidence,
        log_threshold=5.0, replicas_growing=1, replicas=1, lives=1, latency_correlation=None, waterfall={},
        undecided_until=None,
    )  # fmt: skip


def test_a_look_that_knows_less_does_not_blur_what_was_found() -> None:
    """After the cure is released its lives mix in: the growth, the release and the evidence stay as they were."""
    service = a_service()
    opened(service, evidence=evidence(9.0), growth_bytes_per_hour=4e7, sentence="Since 2.4.0.")
    soon = (NOW + timedelta(hours=1)).timestamp()
    blurred = {"growth_bytes_per_hour": 1e7, "sentence": "Somehow.", "forecast": (soon, soon, soon)}
    found = opened(service, evidence=evidence(2.0), **blurred)
    assert (found.growth_bytes_per_hour, found.verdict) == (4e7, "Since 2.4.0.")
    assert found.evidence["log_evidence"] == 9.0
    assert found.forecast_p50_at is not None
    assert found.forecast_p50_at.timestamp() == soon
    stronger = opened(service, evidence=evidence(6.0), growth_bytes_per_hour=3e7)
    assert stronger.growth_bytes_per_hour == 3e7


def test_each_family_has_its_own_finding() -> None:
    service = a_service()
    opened(service)
    opened(service, diagnosis="resource_leak", detected_at=LATER.timestamp())
    assert sorted(Finding.objects.values_list("family", flat=True)) == ["heap", "resource"]


def test_a_diagnosis_that_changes_keeps_its_finding() -> None:
    service = a_service()
    first = opened(service)
    second = opened(service, diagnosis="native_leak")
    assert second.pk == first.pk
    assert kinds(second) == ["opened", "changed"]


def test_the_end_of_growth_resolves_it_and_names_the_cure() -> None:
    service = a_service()
    opened(service)
    found = say(service, a_cure(LATER))
    assert found is not None
    found.refresh_from_db()
    assert (found.status, found.resolved_at, found.cured_by_release) == ("resolved", LATER, "2.4.1")
    assert kinds(found) == ["opened", "resolved"]
    assert say(service, a_cure(LATER)) is None
    assert kinds(found) == ["opened", "resolved"]


def test_a_regression_reopens_the_same_finding() -> None:
    service = a_service()
    first = opened(service)
    say(service, a_cure(LATER))
    back = opened(service, at=MUCH_LATER, detected_at=MUCH_LATER.timestamp(), version="2.5.0")
    assert back.pk == first.pk
    assert (back.status, back.episode, back.resolved_at, back.cured_by_release) == ("open", 2, None, "")
    assert (back.reopened_at, back.first_release) == (MUCH_LATER, "2.5.0")
    assert kinds(back) == ["opened", "resolved", "reopened"]


def test_an_old_cure_does_not_resolve_what_came_back() -> None:
    service = a_service()
    opened(service)
    say(service, a_cure(LATER))
    back = opened(service, at=MUCH_LATER, detected_at=MUCH_LATER.timestamp())
    assert say(service, a_cure(LATER)) is None
    back.refresh_from_db()
    assert back.status == "open"


def test_another_leak_is_another_finding() -> None:
    service = a_service()
    first = opened(service)
    say(service, a_cure(LATER))
    other = opened(service, detected_at=MUCH_LATER.timestamp(), suspects=(a_suspect("elsewhere"),))
    assert other.pk != first.pk


def test_so_is_one_that_comes_back_after_months() -> None:
    service = a_service()
    first = opened(service)
    say(service, a_cure(LATER))
    at = LATER + timedelta(days=100)
    assert opened(service, at=at, detected_at=at.timestamp()).pk != first.pk


def snoozed(service: Service, **changes: Any) -> Finding:
    found = opened(service)
    for name, value in {"status": FindingStatus.SNOOZED, **changes}.items():
        setattr(found, name, value)
    found.save()
    return found


@pytest.mark.parametrize(
    ("snooze", "verdict"),
    [
        ({"snoozed_until": NOW - timedelta(seconds=1)}, {}),
        ({"snoozed_release": "2.4.0"}, {"releases": ("2.4.0", "2.5.0")}),
        ({"snoozed_growth_ceiling": 5e7}, {"growth_bytes_per_hour": 6e7}),
    ],
)
def test_a_snooze_ends_for_its_reason_and_people_are_told(
    snooze: dict[str, Any], verdict: dict[str, Any]
) -> None:
    service = a_service()
    snoozed(service, **snooze)
    found = opened(service, **verdict)
    assert (found.status, found.episode) == ("open", 2)
    assert (found.snoozed_until, found.snoozed_release, found.snoozed_growth_ceiling) == (None, "", None)
    assert kinds(found)[-1] == EventKind.AWOKE


@pytest.mark.parametrize(
    "snooze",
    [
        {"snoozed_until": NOW + timedelta(days=1)},
        {"snoozed_release": "2.4.0"},
        {"snoozed_growth_ceiling": 5e7},
    ],
)
def test_until_then_it_sleeps(snooze: dict[str, Any]) -> None:
    service = a_service()
    snoozed(service, **snooze)
    found = opened(service)
    assert (found.status, kinds(found)) == ("snoozed", ["opened"])


def test_a_snoozed_finding_is_resolved_too() -> None:
    service = a_service()
    snoozed(service, snoozed_until=NOW + timedelta(days=1))
    found = say(service, a_cure(LATER))
    assert found is not None
    assert (found.status, found.snoozed_until) == ("resolved", None)


def test_numbers_that_no_column_keeps_are_left_out() -> None:
    found = opened(
        a_service(),
        growth_bytes_per_hour=math.inf,
        bytes_per_request=math.nan,
        forecast=(1e30, math.nan, math.inf),
        suspects=(a_suspect("a\x00b", share=math.nan),),
        sentence="nul \x00 here",
    )
    found.refresh_from_db()
    assert (found.growth_bytes_per_hour, found.bytes_per_request, found.forecast_p50_at) == (None, None, None)
    assert found.suspects[0]["share"] is None
    assert found.verdict == "nul  here"


def test_another_service_is_untouched() -> None:
    service, other = a_service(), a_service(name="search")
    opened(service)
    opened(other)
    say(service, a_cure(LATER))
    assert Finding.objects.get(service=other).status == "open"
