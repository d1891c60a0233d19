"""Memory that is no leak but stands near its limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import transaction

from profiler_server.alerts.words import facts_of, subject_of
from profiler_server.analysis.actions.warn_near_limit import Fullness, fullness_of, warn_near_limit
from profiler_server.analysis.models import Finding
from profiler_server.catalog.models import Release, Service
from profiler_server.core.leak import InstanceSeries, ServiceWindow
from tests.integration.analysis.evaluations import an_evaluation
from tests.integration.analysis.findings import NOW, a_service

pytestmark = pytest.mark.django_db
LIMIT = 512 << 20


def warn(service: Service, share: float, **changes: Any) -> Finding | None:
    retained = {"verdict": "healthy", "diagnosis": "runtime_retention", "detected_at": None, "suspects": ()}
    said = an_evaluation(**{**retained, **changes})
    with transaction.atomic():
        return warn_near_limit(service, said, Fullness(share * LIMIT, LIMIT), at=NOW)


def kinds(found: Finding) -> list[str]:
    return list(found.events.values_list("kind", flat=True))


def test_it_opens_near_the_limit_says_so_and_ends() -> None:
    service = a_service()
    assert warn(service, 0.85) is None
    found = warn(service, 0.92)
    assert found is not None
    assert (found.status, found.family) == ("open", "retention")
    assert found.verdict == (
        "Runtime retention, no leak, yet memory stands at 471 MiB, 92 % of its limit of 512 MiB."
    )
    assert subject_of(found, "opened", now=NOW) == "[Plimsoll] checkout stands at 92 % of its limit (no leak)"
    assert "Growth" not in {fact.name for fact in facts_of(found, now=NOW)}
    assert warn(service, 0.85) == found
    ended = warn(service, 0.6)
    assert ended is not None
    assert ended.status == "resolved"
    assert kinds(found) == ["opened", "resolved"]
    assert warn(service, 0.6) is None


def test_the_release_after_which_it_ended_is_named_until_it_comes_back() -> None:
    service = a_service()
    found = warn(service, 0.95)
    assert found is not None
    Finding.objects.filter(pk=found.pk).update(detected_at=NOW - timedelta(hours=2))
    for version, hours in (("1.0", 5), ("1.1", 1)):
        seen = NOW - timedelta(hours=hours)
        Release.objects.create(
            project_id=service.project_id,
            service=service,
            version=version,
            first_seen_at=seen,
            last_seen_at=NOW,
        )
    ended = warn(service, 0.5)
    assert ended is not None
    assert ended.cured_by_release == "1.1"
    assert ended.events.last().text == "memory went back to 50 % of its limit by release 1.1"
    again = warn(service, 0.95)
    assert again is not None
    assert again.cured_by_release == ""


def test_it_comes_back_as_the_same_finding() -> None:
    service = a_service()
    first = warn(service, 0.95)
    warn(service, 0.5)
    assert warn(service, 0.95) == first
    assert kinds(Finding.objects.get()) == ["opened", "resolved", "reopened"]


@pytest.mark.parametrize(
    "changes",
    [{"diagnosis": "load_following"}, {"verdict": "leak", "diagnosis": "heap_leak"}, {"diagnosis": "none"}],
)
def test_other_verdicts_do_not_warn(changes: dict[str, Any]) -> None:
    assert warn(a_service(), 0.97, **changes) is None


def a_window(limit: float | None, **columns: list[float]) -> ServiceWindow:
    ts = NOW.timestamp() - 10.0 * np.arange(3, 0, -1)
    arrays = {name: np.array(values) for name, values in columns.items()}
    series = InstanceSeries("i", (NOW - timedelta(hours=1)).timestamp(), None, ts, arrays)
    return ServiceWindow(NOW.timestamp(), 10.0, limit, "go", (), (series,))


def test_how_full_it_is_comes_from_the_newest_points() -> None:
    assert fullness_of(a_window(None, rss_bytes=[1, 2, 3])) is None
    assert fullness_of(a_window(100.0, heap_live_bytes=[1, 2, 3])) is None
    assert fullness_of(a_window(100.0, rss_bytes=[80, 90, np.nan])) == Fullness(85.0, 100)


def test_a_process_that_has_ended_is_not_full() -> None:
    running = a_window(100.0, rss_bytes=[40, 40, 40])
    (one,) = running.instances
    ended = replace(one, instance="old", ts=one.ts - 120.0, columns={"rss_bytes": np.full(3, 95.0)})
    assert fullness_of(replace(running, instances=(ended, one))) == Fullness(40.0, 100)
    assert fullness_of(replace(running, instances=(ended,))) is None


def test_a_control_groups_usage_counts_against_its_own_limit_only() -> None:
    usage = {"rss_bytes": [1.0, 1, 1], "cgroup_current_bytes": [7.0, 7, 7]}
    assert fullness_of(a_window(100.0, **usage, cgroup_limit_bytes=[100.0, 100, 100])) == Fullness(7.0, 100)
    assert fullness_of(a_window(100.0, **usage, cgroup_limit_bytes=[9000.0, 9000, 9000])) == Fullness(
        1.0, 100
    )
    assert fullness_of(a_window(100.0, **usage)) == Fullness(1.0, 100)
