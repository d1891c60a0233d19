"""One evaluation of one service, from stored points and profiles to state, finding and requests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection

from profiler_server.analysis.actions.claim_due_services import claim_due_services
from profiler_server.analysis.actions.evaluate_service import Evaluated, Skipped, evaluate_service
from profiler_server.analysis.looking import looks
from profiler_server.analysis.models import AgentCommand, Finding, FindingEvent, ServiceWatch
from profiler_server.analysis.tasks import evaluate_batch
from profiler_server.analysis.window import see_service
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.leak import LeakState
from profiler_server.core.points import PointBatch
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.series.actions.store_points import store_points
from tests.integration.analysis.findings import a_live_instance, a_project, a_service
from tests.integration.ingest.pushes import a_heap_profile

pytestmark = pytest.mark.django_db
HOURS = 12
MIB = 2.0**20
LEAK_PER_MINUTE = 0.4 * MIB


@pytest.fixture(autouse=True)
def _rarely_evaluated(settings: Any) -> None:
    settings.ENV = type(settings.ENV)(**{**vars(settings.ENV), "evaluation_interval_seconds": 1800.0})


def a_history(service: Service, *, leak_per_minute: float = 0.0, until: datetime | None = None) -> Instance:
    """Store twelve hours of points whose load rises and recedes, and a profile every ten minutes."""
    end = (until or datetime.now(UTC)).replace(microsecond=0)
    begin = end - timedelta(hours=HOURS)
    instance = a_live_instance(service, started_at=begin, first_seen_at=begin, last_seen_at=end)
    ts = begin.timestamp() + 60.0 * np.arange(HOURS * 60 + 1)
    age = np.arange(len(ts))
    load = 600 + 400 * np.sin(age / 38)
    noise = np.random.default_rng(7).normal(0, 0.3 * MIB, len(ts))
    heap = 100 * MIB + leak_per_minute * age + noise
    columns = {"rss_bytes": heap * 1.3 + load * 5e3, "heap_live_bytes": heap, "requests": load}
    store_points(instance, PointBatch(ts, columns))
    arrivals = [
        ProfileArrival(
            instance,
            begin + timedelta(minutes=int(minute)),
            a_heap_profile(
                {
                    ("list.append", "remember_order", "handle"): int(MIB + leak_per_minute * minute),
                    ("load_catalogue", "main"): int(90 * MIB),
                }
            ),
        )
        for minute in range(10, HOURS * 60, 10)
    ]
    store_profiles(arrivals)
    return instance


def evaluated(service: Service) -> Evaluated:
    outcome = evaluate_service(service.pk)
    assert isinstance(outcome, Evaluated)
    return outcome


def test_a_leak_becomes_a_finding_with_its_guilty_frame() -> None:
    service = a_service(memory_limit_bytes=1 << 30)
    a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    outcome = evaluated(service)
    found = Finding.objects.get()
    assert (outcome.verdict, outcome.finding_id) == ("leak", found.pk)
    assert (found.diagnosis, found.limit_bytes) == ("heap_leak", 1 << 30)
    assert found.growth_bytes_per_hour == pytest.approx(LEAK_PER_MINUTE * 60, rel=0.2)
    assert "remember_order" in {found.suspects[0]["function"], *found.suspects[0]["path"]}
    watch = ServiceWatch.objects.get()
    assert (watch.verdict, watch.version, watch.error) == ("leak", 1, "")
    assert watch.sentence == found.verdict
    assert watch.log_e is not None


def test_a_leak_is_no_finding_before_it_stands_out_among_the_services_of_its_project() -> None:
    service = a_service()
    a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    sight = see_service(service, LeakState(), ignore_before=None, interval_seconds=None)
    assert sight is not None
    assert sight.log_e_wanted == pytest.approx(np.log(1 / 0.1))
    sight.__dict__["log_e_wanted"] = 1e9  # as if more services were looked at than there are
    *_, last = looks(sight, LeakState(), step_seconds=1800.0)
    assert (last.said.verdict, last.said.state.detected_at) == ("healthy", None)
    assert last.said.state.log_e is not None


def test_agents_are_asked_to_sample_and_to_find_the_holders() -> None:
    service = a_service()
    a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    evaluated(service)
    asked = {command.kind: command.arguments for command in AgentCommand.objects.all()}
    assert set(asked) == {"arm_sampler", "find_holders"}
    assert asked["find_holders"]["site"][0] == {
        "function": "list.append",
        "file": "list.append.py",
        "line": 7,
    }


def test_a_healthy_service_stays_silent() -> None:
    service = a_service()
    a_history(service)
    assert evaluated(service).verdict != "leak"
    assert not Finding.objects.exists()
    assert not AgentCommand.objects.exists()


def test_looking_twice_changes_nothing() -> None:
    service = a_service()
    a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    evaluated(service)
    assert evaluate_service(service.pk) == Skipped("nothing new")
    ServiceWatch.objects.update(data_until=None)
    evaluated(service)
    assert Finding.objects.count() == 1
    assert FindingEvent.objects.count() == 1


def test_old_data_are_judged_at_their_own_time() -> None:
    service = a_service()
    end = (datetime.now(UTC) - timedelta(days=3)).replace(microsecond=0)
    a_history(service, leak_per_minute=LEAK_PER_MINUTE, until=end)
    evaluated(service)
    found = Finding.objects.get()
    assert found.detected_at <= found.updated_at == end


def test_data_that_come_at_once_are_judged_in_their_order() -> None:
    service = a_service()
    instance = a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    evaluated(service)
    found = Finding.objects.get()
    assert found.detected_at < instance.last_seen_at - timedelta(hours=1)
    assert found.suspects


def test_a_service_without_data_is_skipped() -> None:
    assert evaluate_service(a_service().pk) == Skipped("nothing new")
    assert evaluate_service(10**9) == Skipped("another process looks at it")


def test_data_that_a_person_has_dealt_with_are_left_out() -> None:
    service = a_service()
    instance = a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    ServiceWatch.objects.update(ignore_before=instance.last_seen_at - timedelta(minutes=20))
    assert evaluated(service).verdict != "leak"


def test_one_broken_service_does_not_stop_the_batch() -> None:
    broken, service = a_service(name="broken"), a_service()
    a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    a_live_instance(broken)
    ServiceWatch.objects.filter(service=broken).update(state={"leak": {"format": 1}})
    assert evaluate_batch([broken.pk, service.pk]) >= 1
    assert Finding.objects.get().service == service


def test_due_services_are_claimed_once() -> None:
    services = [a_service(a_project(), f"s{i}") for i in range(5)]
    for service in services[:3]:
        a_live_instance(service)
    lease = timedelta(minutes=1)
    assert sorted(claim_due_services(lease=lease)) == [service.pk for service in services[:3]]
    assert claim_due_services(lease=lease) == []


def test_new_services_are_watched() -> None:
    service = Service.objects.create(project=a_project(), name="new")
    a_live_instance(service)
    assert claim_due_services(lease=timedelta(minutes=1)) == [service.pk]


@pytest.mark.django_db(transaction=True)
def test_doubled_evaluations_open_one_finding(clean_caches: None) -> None:
    service = a_service()
    a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(_closing(lambda _: evaluate_service(service.pk)), range(12)))
    assert sum(isinstance(outcome, Evaluated) for outcome in outcomes) == 1
    assert Finding.objects.count() == FindingEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_claims_at_once_share_the_services() -> None:
    services = [a_service(a_project(), f"s{i}") for i in range(40)]
    for service in services:
        a_live_instance(service)
    with ThreadPoolExecutor(6) as pool:
        claims = list(pool.map(_closing(lambda _: claim_due_services(lease=timedelta(minutes=1))), range(12)))
    claimed = [service for claim in claims for service in claim]
    assert sorted(claimed) == [service.pk for service in services]


@pytest.mark.django_db(transaction=True)
def test_a_killed_evaluation_leaves_nothing_half_done(clean_caches: None) -> None:
    service = a_service()
    a_history(service, leak_per_minute=LEAK_PER_MINUTE)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "profiler_server.config.settings",
                   "TEST_DATABASE": connection.settings_dict["NAME"], "SERVICE": str(service.pk)}  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], env=environment, cwd=Path.cwd(), stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    assert worker.stdout.readline().strip() == "written"
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    worker.stdout.close()
    assert not Finding.objects.exists()
    assert ServiceWatch.objects.get().version == 0
    assert isinstance(_eventually(lambda: evaluate_service(service.pk)), Evaluated)
    assert Finding.objects.count() == FindingEvent.objects.count() == 1


WORKER = """
import os, time, django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
from django.db import transaction
from profiler_server.analysis.actions.evaluate_service import evaluate_service
with transaction.atomic():
    evaluate_service(int(os.environ["SERVICE"]))
    print("written", flush=True)
    time.sleep(60)
"""


def _closing(act: Callable[[int], object]) -> Callable[[int], object]:
    def closed(i: int) -> object:
        try:
            return act(i)
        finally:
            connection.close()

    return closed


def _eventually(act: Callable[[], object]) -> object:
    """Repeat while the killed process's transaction is still being rolled back."""
    deadline = time.monotonic() + 10
    while isinstance(outcome := act(), Skipped) and time.monotonic() < deadline:
        time.sleep(0.05)
    return outcome


def test_an_evaluation_before_the_third_point_does_not_fix_the_interval() -> None:
    """Looked at right after its first push, a service is remembered by the interval it turns out to have."""
    service = a_service()
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    instance = a_live_instance(service, started_at=begin, first_seen_at=begin, last_seen_at=begin)
    ts = begin.timestamp() + np.arange(300.0)

    def push(points: slice) -> None:
        store_points(instance, PointBatch(ts[points], {"rss_bytes": np.full(len(ts[points]), 100 * MIB)}))
        Instance.objects.filter(pk=instance.pk).update(
            last_seen_at=datetime.fromtimestamp(ts[points][-1], UTC)
        )

    push(slice(0, 2))
    evaluated(service)
    assert ServiceWatch.objects.get().state["interval_seconds"] is None
    push(slice(2, 300))
    evaluated(service)
    state = ServiceWatch.objects.get().state
    assert state["interval_seconds"] == 1.0
    (life,) = state["leak"]["lives"].values()
    assert life["first_ts"] == ts[0]
    assert life["block_seconds"] < 10
