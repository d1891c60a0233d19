"""Gathers the settings page, and turns its forms into actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from dashboards.install import Snippet, snippets
from dashboards.scope import SESSION_KEY, Scope
from dashboards.undo import offer_undo
from profiler_server.accounts.actions.change_members import add_member, change_role, remove_member
from profiler_server.accounts.actions.create_project import create_project
from profiler_server.accounts.actions.revoke_token import restore_token, revoke_token
from profiler_server.accounts.models import ApiToken, Membership, Role
from profiler_server.alerts.actions.change_routes import add_route, remove_route
from profiler_server.alerts.actions.send_test import TestSent, send_test
from profiler_server.alerts.models import AlertRoute, Notification
from profiler_server.alerts.queries import alert_routes, notifications
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.actions.change_service import ServiceFacts, change_service
from profiler_server.catalog.models import Service
from profiler_server.core.errors import Conflict

MAX_SHOWN_NOTIFICATIONS = 20
MAX_SHOWN_SERVICES = 40
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True)
class SettingsPage:
    """All that the settings page shows."""

    tokens: Sequence[ApiToken]
    revoked: Sequence[ApiToken]
    members: Sequence[Membership]
    roles: Sequence[tuple[str, str]]
    routes: Sequence[AlertRoute]
    sent: Sequence[Notification]
    services: Sequence[Service]
    shown_services: Sequence[Service]
    service_query: str
    snippets: Sequence[Snippet]
    retention_days: int
    rollup_retention_days: int
    may_change: bool
    may_test: bool


def settings_page(scope: Scope, url: str, *, service_query: str = "") -> SettingsPage:
    """Return the page of the scope's project; `url` is the server's own address.

    Of the services at most `MAX_SHOWN_SERVICES` whose name holds `service_query` are shown.
    """
    project_id = scope.project.pk
    services = catalog.services(project_id)
    meant = [one for one in services if service_query.casefold() in one.name.casefold()]
    tokens = list(
        ApiToken.objects.filter(project_id=project_id).select_related("created_by").order_by("-created_at")
    )
    return SettingsPage(
        tokens=[token for token in tokens if token.revoked_at is None],
        revoked=[token for token in tokens if token.revoked_at is not None],
        members=list(
            Membership.objects.filter(project_id=project_id).select_related("user").order_by("user__username")
        ),
        roles=Role.choices,
        routes=alert_routes(project_id),
        sent=notifications(project_id)[:MAX_SHOWN_NOTIFICATIONS],
        services=services,
        shown_services=meant[:MAX_SHOWN_SERVICES],
        service_query=service_query,
        snippets=snippets(url),
        retention_days=settings.ENV.retention_days,
        rollup_retention_days=settings.ENV.rollup_retention_days,
        may_change=scope.role == Role.ADMIN,
        may_test=scope.role in {Role.ADMIN, Role.ENGINEER},
    )


def apply_setting(request: HttpRequest, scope: Scope) -> str:
    """Do what the posted form asks and return the part of the page to go back to. Raises the actions' errors."""
    name = request.POST.get("action", "")
    known = _CHANGES.get(name)
    if known is None:
        raise Conflict("The form does not say what to do; reload the page and try again.")
    least, anchor, change = known
    if least:
        scope.require(least)
    change(request, scope, request.POST)
    return anchor


def size_bytes(text: str) -> int | None:
    """Read "512 MiB", "2G" or "1073741824"; None for nothing. Raises `Conflict`."""
    text = text.strip()
    if not text:
        return None
    found = _SIZE.fullmatch(text)
    if not found:
        raise Conflict("Write the limit as 512 MiB, 2 GiB or a number of bytes.")
    return int(float(found[1]) * 1024 ** _POWERS[found[2].upper()])


def _number(form: QueryDict, name: str) -> int:
    text = form.get(name, "")
    if not text.isdigit():
        raise Conflict("The form is incomplete; reload the page and try again.")
    return int(text)


def _revoke(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    token = revoke_token(scope.project.pk, _number(form, "token"))
    offer_undo(request, f"{token.name} is revoked: what sends with it is refused.", reverse("settings"),
               {"action": "restore_token", "token": token.pk})  # fmt: skip


def _restore(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    token = restore_token(scope.project.pk, _number(form, "token"))
    messages.success(request, f"{token.name} is valid again.")


def _add_member(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    added = add_member(
        scope.project.pk, form.get("username", ""), form.get("role", ""), email=form.get("email", "")
    )
    name = added.membership.user.get_username()
    if added.password:
        messages.success(
            request, f"An account was made for {name}. First password, shown this once: {added.password}"
        )
    else:
        messages.success(request, f"{name} is a member now.")


def _change_role(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    membership = change_role(scope.project.pk, _number(form, "user"), form.get("role", ""))
    messages.success(request, f"{membership.user.get_username()} is {membership.role} now.")


def _remove_member(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    user_id = _number(form, "user")
    row = (
        Membership.objects.filter(project_id=scope.project.pk, user_id=user_id).select_related("user").first()
    )
    name = row.user.get_username() if row else ""
    role = remove_member(scope.project.pk, user_id)
    offer_undo(request, f"{name} is no longer a member.", reverse("settings"),
               {"action": "add_member", "username": name, "role": role})  # fmt: skip


def _add_route(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    service = form.get("service", "")
    route = add_route(
        scope.project.pk, form.get("email", ""), service_id=int(service) if service.isdigit() else None
    )
    messages.success(request, f"{route.email} is mailed from now on.")


def _remove_route(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    route = AlertRoute.objects.filter(project_id=scope.project.pk, pk=_number(form, "route")).first()
    remove_route(scope.project.pk, _number(form, "route"))
    if route is not None:
        offer_undo(request, f"{route.email} is mailed no more.", reverse("settings"),
                   {"action": "add_route", "email": route.email, "service": route.service_id or ""})  # fmt: skip


def _send_test(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    outcome = send_test(scope.project.pk, form.get("email", "").strip())
    if isinstance(outcome, TestSent):
        messages.success(
            request, f"The mail server took a test for {outcome.recipient}. Look into that inbox."
        )
    else:
        messages.error(request, f"The test to {outcome.recipient} was not sent: {outcome.reason}")


def _change_service(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    facts = ServiceFacts(
        owner_email=form.get("owner_email", "").strip(),
        memory_limit_bytes=size_bytes(form.get("memory_limit", "")),
        source_url_template=form.get("source_url_template", "").strip(),
    )
    service = change_service(scope.project.pk, _number(form, "service"), facts)
    messages.success(request, f"{service.name} is saved.")


def _create_project(request: HttpRequest, scope: Scope, form: QueryDict) -> None:
    project = create_project(form.get("name", ""), admin_id=scope.user.pk)
    request.session[SESSION_KEY] = project.slug
    messages.success(request, f"The project {project.name} is made; you are its admin.")


_Change = Callable[[HttpRequest, Scope, QueryDict], None]
_CHANGES: dict[str, tuple[str, str, _Change]] = {
    "revoke_token": ("admin", "tokens", _revoke),
    "restore_token": ("admin", "tokens", _restore),
    "add_member": ("admin", "members", _add_member),
    "change_role": ("admin", "members", _change_role),
    "remove_member": ("admin", "members", _remove_member),
    "add_route": ("admin", "alerts", _add_route),
    "remove_route": ("admin", "alerts", _remove_route),
    "send_test": ("engineer", "alerts", _send_test),
    "change_service": ("engineer", "services", _change_service),
    "create_project": ("", "projects", _create_project),
}
