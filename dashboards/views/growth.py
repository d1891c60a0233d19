"""Call sites over time, the steepest first, and who holds their objects."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from dashboards.asked import page_question
from dashboards.flame_context import page_context
from dashboards.growth_page import growth_page, site_from
from dashboards.links import return_url, service_url
from dashboards.period import PRESETS
from dashboards.scope import Scope, scoped
from profiler_server.analysis.actions.ask_who_holds import ask_who_holds
from profiler_server.core.errors import Conflict


@require_GET
@scoped
def growth(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Show the page; all of it but the stacked area works without JavaScript."""
    question = page_question(request, scope, name)
    context = page_context(question, "growth", query=request.GET)
    context |= {"growth": growth_page(question, scope, unit=context["unit"]), "presets": PRESETS}
    return render(request, "dashboards/growth.html", context)


@require_POST
@scoped
def find_holders(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Ask the agents who holds a call site's objects, and go back to the page it was asked on."""
    scope.require("engineer")
    service, site = scope.service(name), site_from(request.POST.get("site", ""))
    try:
        asked = ask_who_holds(service, site, actor_id=scope.user.pk, at=timezone.now())
    except Conflict as error:
        messages.error(request, str(error))
    else:
        who = "One instance was" if asked == 1 else f"{asked} instances were"
        messages.success(
            request,
            f"{who} asked who holds {site[0].function}; the answer appears on its card, usually in a minute.",
        )
    return redirect(return_url(request, service_url(name, "growth")))
