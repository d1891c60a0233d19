"""Who is mailed for which service, and the test mail."""

from __future__ import annotations

import pytest

from profiler_server.accounts.models import Role
from profiler_server.alerts.actions.change_routes import add_route, remove_route
from profiler_server.alerts.actions.send_test import TestFailed as Failed
from profiler_server.alerts.actions.send_test import TestSent as Sent
from profiler_server.alerts.actions.send_test import send_test
from profiler_server.alerts.models import AlertRoute, Notification
from profiler_server.alerts.queries import alert_routes, recipients_of
from profiler_server.core.errors import Conflict, NotFound
from tests.integration.alerts.mailbox import Mailbox
from tests.integration.analysis.findings import a_member, a_project, a_service

pytestmark = pytest.mark.django_db


def test_routes_of_the_service_and_of_the_project_come_first() -> None:
    service = a_service(owner_email="owner@example.com")
    add_route(service.project_id, "all@example.com")
    add_route(service.project_id, "team@example.com", service_id=service.pk)
    add_route(service.project_id, "team@example.com", service_id=service.pk)
    assert recipients_of(service) == ["all@example.com", "team@example.com"]
    assert [route.email for route in alert_routes(service.project_id)] == [
        "all@example.com",
        "team@example.com",
    ]


def test_then_the_owner_then_the_admins() -> None:
    project = a_project()
    a_member(project, "root", Role.ADMIN)
    a_member(project, "guest", Role.VIEWER)
    service = a_service(project)
    assert recipients_of(service) == ["root@example.com"]
    service.owner_email = "owner@example.com"
    assert recipients_of(service) == ["owner@example.com"]


def test_another_projects_routes_and_services_are_out_of_reach() -> None:
    service = a_service()
    other = a_project("other")
    route = add_route(other.pk, "x@example.com")
    assert recipients_of(service) == []
    with pytest.raises(NotFound):
        add_route(other.pk, "x@example.com", service_id=service.pk)
    with pytest.raises(NotFound):
        remove_route(service.project_id, route.pk)
    remove_route(other.pk, route.pk)
    assert not AlertRoute.objects.exists()


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x@example.com\nBcc: y@example.com"])
def test_an_address_must_be_one(email: str) -> None:
    with pytest.raises(Conflict):
        add_route(a_project().pk, email)


def test_a_test_mail_arrives(mailbox: Mailbox) -> None:
    project = a_project()
    assert send_test(project.pk, "me@example.com") == Sent("me@example.com")
    assert mailbox.messages[0]["Subject"] == "[Plimsoll] A test for Shop"
    assert Notification.objects.get().status == "sent"


def test_a_test_mail_that_fails_says_why(mailbox: Mailbox) -> None:
    mailbox.recipient_answers = ["550 no such user"]
    outcome = send_test(a_project().pk, "me@example.com")
    assert isinstance(outcome, Failed)
    assert "550 no such user" in outcome.reason
    assert Notification.objects.get().status == "failed"
