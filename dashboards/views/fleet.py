"""The fleet: every service of the project, the most urgent first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboards.scope import Scope, scoped


@scoped
def fleet(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Show the project's services."""
    return render(request, "dashboards/fleet.html", {"nav": "fleet", "project": scope.project})
