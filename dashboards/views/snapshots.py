"""Pinning: what a person wants to compare with for longer than retention keeps it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboards.links import return_url, service_url
from dashboards.scope import Scope, scoped
from profiler_server.profiles.actions.pin_snapshot import pin_snapshot, unpin_snapshot


@require_POST
@scoped
def pin(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Pin the posted `snapshot`, or with the action "unpin" let it go, and go back to the page."""
    scope.require("engineer")
    service, snapshot = scope.service(name), request.POST.get("snapshot", "")
    if request.POST.get("action") == "unpin":
        unpin_snapshot(scope.project.pk, service.pk, snapshot)
        messages.success(request, "The snapshot is no longer pinned: it goes when its retention has passed.")
    else:
        pin_snapshot(scope.project.pk, service.pk, snapshot)
        messages.success(
            request, "The snapshot is pinned: it outlives retention, and comparisons offer it as a baseline."
        )
    return redirect(return_url(request, service_url(name, "flame", snapshot=snapshot)))
