"""The settings: tokens, members, routes, services, projects."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from profiler_server.accounts.models import ApiToken, Membership, Project
from profiler_server.accounts.queries import grant_of
from profiler_server.alerts.models import AlertRoute, Notification
from profiler_server.catalog.models import Instance, Service
from tests.integration.dashboards.shop import Shop


def post(client: Client, **fields: object) -> str:
    """Post a form, follow to the page, and return it."""
    answer = client.post("/settings/", fields, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_token_is_shown_once_revoked_and_restored(shop: Shop) -> None:
    page = shop.admin.post("/settings/token/", {"name": "production"}).content.decode()
    secret = page.split('<pre id="secret" tabindex="0">')[1].split("<")[0]
    assert grant_of(secret) is not None
    assert secret not in shop.admin.get("/settings/").content.decode()
    token = ApiToken.objects.get()
    page = post(shop.admin, action="revoke_token", token=token.pk)
    assert grant_of(secret) is None
    assert ">Undo</button>" in page
    assert ">Undo</button>" not in shop.admin.get("/settings/").content.decode()
    post(shop.admin, action="restore_token", token=token.pk)
    assert grant_of(secret) is not None


def test_members_are_added_changed_and_removed(shop: Shop) -> None:
    page = post(shop.admin, action="add_member", username="nina", role="viewer", email="nina@example.org")
    assert "First password, shown this once" in page
    nina = User.objects.get(username="nina")
    post(shop.admin, action="change_role", user=nina.pk, role="engineer")
    assert Membership.objects.get(user=nina).role == "engineer"
    page = post(shop.admin, action="remove_member", user=nina.pk)
    assert "nina is no longer a member." in page
    assert not Membership.objects.filter(user=nina).exists()


def test_the_last_admin_stays(shop: Shop) -> None:
    assert "at least one admin" in post(shop.admin, action="remove_member", user=shop.admin_user.pk)
    assert "at least one admin" in post(
        shop.admin, action="change_role", user=shop.admin_user.pk, role="viewer"
    )
    assert Membership.objects.get(user=shop.admin_user).role == "admin"


def test_a_user_of_another_project_is_added_without_a_new_account(shop: Shop) -> None:
    page = post(shop.admin, action="add_member", username="sam", role="viewer")
    assert "sam is a member now" in page
    assert "is a member already" in post(shop.admin, action="add_member", username="sam", role="viewer")


def test_routes_are_added_and_removed_with_an_undo(shop: Shop, observe: Callable[..., Instance]) -> None:
    service = observe().service_id
    post(shop.admin, action="add_route", email="oncall@example.org", service=service)
    route = AlertRoute.objects.get()
    assert (route.email, route.service_id) == ("oncall@example.org", service)
    assert ">Undo</button>" in post(shop.admin, action="remove_route", route=route.pk)
    assert not AlertRoute.objects.exists()
    assert "not an e-mail address" in post(shop.admin, action="add_route", email="nonsense")


def test_a_test_mail_says_how_it_went(shop: Shop, settings) -> None:  # type: ignore[no-untyped-def]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = post(shop.engineer, action="send_test", email="oncall@example.org")
    assert "was not sent" in page
    assert Notification.objects.get().status == "failed"


def test_a_service_gets_its_owner_limit_and_source(shop: Shop, observe: Callable[..., Instance]) -> None:
    service = observe().service_id
    template = "https://git.example.org/{release}/{file}#L{line}"
    facts = {"owner_email": "mara@example.org", "memory_limit": "1.5 GiB", "source_url_template": template}
    post(shop.engineer, action="change_service", service=service, **facts)
    found = Service.objects.get(pk=service)
    assert (found.owner_email, found.memory_limit_bytes) == ("mara@example.org", 3 << 29)
    assert found.source_url_template == template
    bad = {"owner_email": "", "memory_limit": "lots", "source_url_template": ""}
    assert "Write the limit as" in post(shop.engineer, action="change_service", service=service, **bad)
    bad = {"owner_email": "", "memory_limit": "", "source_url_template": "javascript:1"}
    assert "starts with https" in post(shop.engineer, action="change_service", service=service, **bad)


def test_a_new_project_is_its_makers_and_empty(shop: Shop, observe: Callable[..., Instance]) -> None:
    observe()
    page = post(shop.viewer, action="create_project", name="Side door")
    assert "Settings of Side door" in page
    assert "There is a project of that name" in post(shop.viewer, action="create_project", name="side  DOOR")
    assert "Watch the first service" in shop.viewer.get("/").content.decode()
    assert "checkout" in shop.viewer.get("/?project=shop").content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "revoke_token", "token": "1"},
        {"action": "add_member", "username": "x", "role": "admin"},
        {"action": "add_route", "email": "x@example.org"},
        {"action": "send_test", "email": "x@example.org"},
        {"action": "change_service", "service": "1"},
    ],
)
def test_a_viewer_changes_nothing(shop: Shop, fields: dict[str, str]) -> None:
    assert shop.viewer.post("/settings/", fields).status_code == 403
    assert shop.viewer.post("/settings/token/", {"name": "x"}).status_code == 403
    page = shop.viewer.get("/settings/").content.decode()
    assert 'value="revoke_token"' not in page
    assert 'value="add_member"' not in page


def test_another_projects_things_cannot_be_touched(shop: Shop) -> None:
    shop.admin.post("/settings/token/", {"name": "production"})
    route = AlertRoute.objects.create(project=shop.project, email="a@example.org")
    assert "no such token" in post(shop.stranger, action="revoke_token", token=ApiToken.objects.get().pk)
    assert "no such route" in post(shop.stranger, action="remove_route", route=route.pk)
    assert "no such member" in post(shop.stranger, action="remove_member", user=shop.admin_user.pk)
    assert ApiToken.objects.get().revoked_at is None
    assert AlertRoute.objects.count() == 1
    assert Project.objects.count() == 2


def test_of_many_services_the_first_are_shown_and_others_found_by_name(shop: Shop) -> None:
    Service.objects.bulk_create(Service(project=shop.project, name=f"svc-{i:03}") for i in range(60))
    page = shop.viewer.get("/settings/").content.decode()
    assert page.count('class="service-facts"') == 40
    assert "40 of 60 services are shown." in page
    found = shop.viewer.get("/settings/?service=SVC-059").content.decode()
    assert found.count('class="service-facts" open') == 1
    assert "svc-059" in found
    assert "No service has a name like that." in shop.viewer.get("/settings/?service=none").content.decode()
