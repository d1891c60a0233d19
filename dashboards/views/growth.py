"""Call sites over time, the steepest first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboards.asked import page_question
from dashboards.flame_context import page_context
from dashboards.growth_page import growth_page
from dashboards.period import PRESETS
from dashboards.scope import Scope, scoped


@require_GET
@scoped
def growth(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Show the page; all of it but the stacked area works without JavaScript."""
    question = page_question(request, scope, name)
    context = page_context(question, "growth", query=request.GET)
    context |= {"growth": growth_page(question, scope, unit=context["unit"]), "presets": PRESETS}
    return render(request, "dashboards/growth.html", context)
