"""The fleet: every service of the project, the most urgent first; an empty one shows how to install the agent."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from dashboards.fleet_rows import fleet_rows, tallies
from dashboards.install import snippets
from dashboards.links import service_url
from dashboards.scope import Scope, scoped
from dashboards.sparklines import sparklines
from profiler_server.accounts.actions.create_token import create_token
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.models import Instance


@gzip_page
@require_GET
@scoped
def fleet(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show the project's services."""
    search = request.GET.get("q", "")
    every = fleet_rows(scope.project.pk, timezone.now())
    if not every:
        return _install_page(request, scope, token="")
    shown = [row for row in every if row.matches(search)]
    context = {
        "nav": "fleet",
        "every": every,
        "rows": shown,
        "shown": {row.service.pk for row in shown},
        "tallies": tallies(every),
        "q": search,
    }
    return render(request, "dashboards/fleet.html", context)


@require_GET
@scoped
def install(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show how to install the agent."""
    return _install_page(request, scope, token="")


@require_POST
@scoped
def install_token(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Make a token and show the lines with it filled in, this once."""
    scope.require("admin")
    name = request.POST.get("name", "").strip()[:80] or "First agent"
    _, secret = create_token(scope.project, name, created_by_id=scope.user.pk)
    return _install_page(request, scope, token=secret)


@require_GET
@scoped
def waiting(request: HttpRequest, scope: Scope) -> JsonResponse:
    """Say whether a service that was not there at `since` (unix seconds) has sent its first sample."""
    since = request.GET.get("known", "").split(",")
    newest = (
        Instance.objects.filter(project_id=scope.project.pk).select_related("service").order_by("-id").first()
    )
    if newest is None or str(newest.pk) in since:
        return JsonResponse({"service": None})
    return JsonResponse({"service": newest.service.name, "url": service_url(newest.service.name)})


@require_GET
@scoped
def fleet_sparklines(request: HttpRequest, scope: Scope) -> JsonResponse:
    """Return the sparklines of the services whose ids are asked for (`ids=1,2,…`)."""
    asked = [int(part) for part in request.GET.get("ids", "").split(",") if part.isdigit()]
    return JsonResponse({"lines": sparklines(scope.project.pk, asked, timezone.now().timestamp())})


def _install_page(request: HttpRequest, scope: Scope, *, token: str) -> HttpResponse:
    url = request.build_absolute_uri("/").rstrip("/")
    newest = (
        Instance.objects.filter(project_id=scope.project.pk)
        .order_by("-id")
        .values_list("id", flat=True)
        .first()
    )
    context = {
        "nav": "fleet",
        "token": token,
        "snippets": snippets(url, token) if token else snippets(url),
        "first": not catalog.services(scope.project.pk),
        "known": newest or "",
        "is_admin": scope.role == "admin",
    }
    return render(request, "dashboards/install.html", context)
