"""The settings of a project: tokens, members, alerts, services, retention."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from dashboards.install import snippets
from dashboards.scope import Scope, scoped
from dashboards.settings_page import apply_setting, settings_page
from profiler_server.accounts.actions.create_token import create_token
from profiler_server.core.errors import Conflict, LimitExceeded, NotFound

MAX_TOKEN_NAME = 80


@require_http_methods(["GET", "POST"])
@scoped
def settings(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show the settings; a posted form changes one of them and comes back to its section."""
    if request.method != "POST":
        return _page(request, scope)
    try:
        anchor = apply_setting(request, scope)
    except (Conflict, NotFound, LimitExceeded) as error:
        messages.error(request, str(error))
        return redirect("settings")
    return redirect(f"{reverse('settings')}#{anchor}")


@require_POST
@scoped
def new_token(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Make a token and show its secret in this one answer."""
    scope.require("admin")
    name = request.POST.get("name", "").strip()[:MAX_TOKEN_NAME] or "Agent"
    _, secret = create_token(scope.project, name, created_by_id=scope.user.pk)
    return _page(request, scope, secret=secret, name=name)


def _page(request: HttpRequest, scope: Scope, *, secret: str = "", name: str = "") -> HttpResponse:
    url = request.build_absolute_uri("/").rstrip("/")
    context = {
        "nav": "settings",
        "page": settings_page(scope, url, service_query=request.GET.get("service", "").strip()),
        "secret": secret,
        "secret_name": name,
        "secret_snippets": snippets(url, secret) if secret else [],
    }
    return render(request, "dashboards/settings.html", context)
