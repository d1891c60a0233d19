"""The flame graph of one selection of a service's profiles."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from dashboards.asked import page_question
from dashboards.flame_context import page_context, pinned_offered, presets
from dashboards.flame_rows import plain_rows
from dashboards.scope import Scope, scoped


@require_GET
@ensure_csrf_cookie
@scoped
def flame(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Show the page; its table works without JavaScript, the graph is fetched by it."""
    question = page_question(request, scope, name)
    rows = plain_rows(question.selection, question.asked.granularity)
    context = page_context(question, "flame", query=request.GET) | {
        "rows": rows,
        "presets": presets(request.GET),
        "pinned": pinned_offered(question.service, scope.zone),
    }
    return render(request, "dashboards/flame.html", context)
