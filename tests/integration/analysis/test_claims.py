"""What the claims of a project's other services ask of a finding."""

from __future__ import annotations

import math

import pytest

from profiler_server.analysis.claims import claims_of_run
from profiler_server.analysis.models import ServiceWatch
from tests.integration.analysis.findings import a_project, a_service

pytestmark = pytest.mark.django_db


def _watched(slug: str, name: str, verdict: str, log_e: float | None) -> int:
    service = a_service(a_project(slug), name)
    ServiceWatch.objects.filter(pk=service.pk).update(verdict=verdict, log_e=log_e)
    return service.pk


def test_only_judged_services_of_the_same_project_count() -> None:
    asking = _watched("shop", "one", "healthy", None)
    _watched("shop", "two", "healthy", None)
    _watched("shop", "three", "insufficient_data", None)
    _watched("shop", "four", "", None)
    _watched("bank", "five", "healthy", None)
    claims = claims_of_run(a_project("shop").pk)
    assert claims.judged == 2
    assert math.isclose(claims.wanted_by(asking), math.log(2 / 0.1))


def test_the_claims_of_others_lower_the_bar_and_ones_own_does_not() -> None:
    asking = _watched("shop", "one", "healthy", 4.0)
    for name in ("two", "three", "four"):
        _watched("shop", name, "leak", 30.0)
    for n in range(16):
        _watched("shop", f"calm {n}", "healthy", None)
    claims = claims_of_run(a_project("shop").pk)
    assert claims.judged == 20
    assert math.isclose(claims.wanted_by(asking), math.log(20 / (4 * 0.1)))


def test_reading_claims_takes_two_queries(django_assert_num_queries) -> None:
    for n in range(5):
        _watched("shop", f"s{n}", "leak", 9.0)
    project = a_project("shop").pk
    with django_assert_num_queries(2):
        claims_of_run(project)
