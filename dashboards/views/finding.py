"""The finding: what, since when, how fast, until when, why, and what to do about it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from dashboards.finding_life import apply_change
from dashboards.finding_report import finding_report
from dashboards.findings_page import findings_page
from dashboards.scope import Scope, scoped
from profiler_server.analysis import queries


@gzip_page
@require_GET
@scoped
def finding(request: HttpRequest, scope: Scope, finding_id: int) -> HttpResponse:
    """Show one finding."""
    report = finding_report(scope, queries.finding(scope.project.pk, finding_id))
    return render(request, "dashboards/finding.html", {"nav": "findings", "report": report})


@require_POST
@scoped
def change(request: HttpRequest, scope: Scope, finding_id: int) -> HttpResponse:
    """Acknowledge, assign, comment, snooze, resolve or reopen a finding, and go back to it as it was shown."""
    scope.require("engineer")
    apply_change(request, scope, finding_id)
    query = request.GET.urlencode()
    return redirect(reverse("finding", args=[finding_id]) + (f"?{query}" if query else ""))


@require_GET
@scoped
def findings(request: HttpRequest, scope: Scope) -> HttpResponse:
    """List the project's findings, the most urgent first."""
    page = findings_page(scope, request.GET)
    return render(request, "dashboards/findings.html", {"nav": "findings", "page": page})
