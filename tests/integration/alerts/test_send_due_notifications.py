"""The outbox: every announced event reaches every recipient once, whatever the mail server and the workers do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from profiler_server.alerts.actions.change_routes import add_route
from profiler_server.alerts.actions.plan_notifications import plan_notifications
from profiler_server.alerts.actions.send_due_notifications import (
    FIRST_RETRY,
    LEASE,
    LONGEST_RETRY,
    claim_due,
    retry_delay,
    send_due_notifications,
)
from profiler_server.alerts.models import Notification
from profiler_server.analysis.actions.change_finding import record_event
from profiler_server.analysis.models import EventKind, FindingEvent
from tests.integration.alerts.mailbox import Mailbox
from tests.integration.analysis.findings import NOW, a_finding, a_service

pytestmark = pytest.mark.django_db


def a_routed_service(*emails: str) -> Any:
    service = a_service()
    for email in emails or ("ops@example.com",):
        add_route(service.project_id, email, service_id=service.pk)
    return service


def test_each_recipient_gets_one_mail(mailbox: Mailbox) -> None:
    a_finding(a_routed_service("ops@example.com", "dev@example.com"))
    assert send_due_notifications() == 2
    assert send_due_notifications() == 0
    assert sorted(message["To"] for message in mailbox.messages) == ["dev@example.com", "ops@example.com"]
    assert set(Notification.objects.values_list("status", flat=True)) == {"sent"}


def test_one_mail_per_finding_not_per_run(mailbox: Mailbox) -> None:
    found = a_finding(a_routed_service())
    send_due_notifications()
    found.verdict = "worse"
    found.save()
    send_due_notifications()
    assert len(mailbox.messages) == 1


def test_a_second_mail_when_it_is_resolved(mailbox: Mailbox) -> None:
    found = a_finding(a_routed_service())
    send_due_notifications()
    found.status, found.resolved_at, found.cured_by_release = "resolved", timezone.now(), "2.4.1"
    found.save()
    record_event(found, EventKind.RESOLVED, at=NOW)
    send_due_notifications()
    assert [message["X-Plimsoll-Kind"] for message in mailbox.messages] == ["opened", "resolved"]
    assert "cured by 2.4.1" in mailbox.messages[1]["Subject"]


def test_a_regression_is_told_anew(mailbox: Mailbox) -> None:
    found = a_finding(a_routed_service())
    send_due_notifications()
    for kind in (EventKind.REOPENED, EventKind.RESOLVED, EventKind.REOPENED):
        found.episode += kind == EventKind.REOPENED
        record_event(found, kind, at=NOW)
        send_due_notifications()
    assert [m["X-Plimsoll-Kind"] for m in mailbox.messages] == ["opened", "reopened", "resolved", "reopened"]


def test_comments_are_not_mailed(mailbox: Mailbox) -> None:
    found = a_finding(a_routed_service(), announced=True)
    record_event(found, EventKind.COMMENTED, at=NOW, text="looking")
    assert send_due_notifications() == 0


def test_a_server_that_is_away_gets_it_later(settings: Any, mailbox: Mailbox) -> None:
    a_finding(a_routed_service())
    settings.EMAIL_PORT = 1
    assert send_due_notifications() == 0
    waiting = Notification.objects.get()
    assert (waiting.status, waiting.attempts) == ("pending", 1)
    assert waiting.error
    assert waiting.due_at > timezone.now()
    settings.EMAIL_PORT = mailbox.port
    assert send_due_notifications() == 0  # not before it is due
    Notification.objects.update(due_at=timezone.now())
    assert send_due_notifications() == 1
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize("answer", ["451 later", "421 busy"])
def test_a_passing_refusal_is_tried_again(mailbox: Mailbox, answer: str) -> None:
    a_finding(a_routed_service())
    mailbox.answers = [answer]
    assert send_due_notifications() == 0
    first = Notification.objects.get()
    assert first.status == "pending"
    Notification.objects.update(due_at=timezone.now())
    assert send_due_notifications() == 1
    assert mailbox.messages[0]["Message-ID"] == f"<{first.message_id}@plimsoll>"


def test_a_lasting_refusal_is_given_up_and_does_not_stop_others(mailbox: Mailbox) -> None:
    a_finding(a_routed_service("a@example.com", "b@example.com"))
    mailbox.recipient_answers = ["550 no such user"]
    assert send_due_notifications() == 1
    assert sorted(Notification.objects.values_list("status", flat=True)) == ["failed", "sent"]
    assert "550" in Notification.objects.get(status="failed").error


def test_back_off_grows_to_its_bound() -> None:
    delays = [retry_delay(n) for n in range(1, 200)]
    assert delays[0] == FIRST_RETRY
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_RETRY


def test_a_lost_sender_is_replaced_after_its_lease(mailbox: Mailbox) -> None:
    a_finding(a_routed_service())
    plan_notifications()
    claimed = claim_due(timezone.now())
    assert claimed is not None
    assert claim_due(timezone.now()) is None
    assert send_due_notifications() == 0
    Notification.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert send_due_notifications() == 1
    assert len(mailbox.messages) == 1
    assert timedelta(minutes=5) < LEASE


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_each_mail_once(mailbox: Mailbox) -> None:
    a_finding(a_routed_service(*(f"p{i}@example.com" for i in range(20))))

    def work(_: int) -> int:
        try:
            return send_due_notifications()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 20
    assert len({message["To"] for message in mailbox.messages}) == len(mailbox.messages) == 20


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_and_doubles_nothing(mailbox: Mailbox, settings: Any) -> None:
    a_finding(a_routed_service(*(f"p{i}@example.com" for i in range(12))))
    mailbox.delay_seconds = 0.15
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], env=_worker_environment(mailbox), cwd=Path.cwd()
    )
    deadline = time.monotonic() + 30
    while len(mailbox.messages) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    time.sleep(0.3)
    Notification.objects.filter(status="sending").update(due_at=timezone.now())
    mailbox.delay_seconds = 0.0
    send_due_notifications()
    assert Notification.objects.filter(status="sent").count() == 12
    assert {message["To"] for message in mailbox.messages} == {f"p{i}@example.com" for i in range(12)}
    repeated = len(mailbox.messages) - len({message["Message-ID"] for message in mailbox.messages})
    assert repeated <= 1  # the one that was under way may come twice, under one Message-ID


def test_an_event_without_anyone_to_tell_is_not_kept_waiting() -> None:
    a_finding(a_service())
    assert plan_notifications() == 0
    assert FindingEvent.objects.get().announced_at is not None


WORKER = """
import os, django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
settings.EMAIL_PORT = int(os.environ["PLIMSOLL_SMTP_PORT"])
from profiler_server.alerts.actions.send_due_notifications import send_due_notifications
send_due_notifications()
"""


def _worker_environment(mailbox: Mailbox) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "profiler_server.config.settings",
        "TEST_DATABASE": connection.settings_dict["NAME"],
        "PLIMSOLL_SMTP_PORT": str(mailbox.port),
    }
