"""Logging in and the reader's preferences."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.views.decorators.http import require_POST

from dashboards.links import return_url
from dashboards.preferences import COOKIE_SECONDS, THEME_COOKIE, THEMES, ZONES
from dashboards.zones import CHOICE_COOKIE


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep a preference in a cookie and return to the page it was set on."""
    response = HttpResponseRedirect(return_url(request, "/"))
    for cookie, allowed in ((THEME_COOKIE, THEMES | {"other"}), (CHOICE_COOKIE, ZONES)):
        value = request.POST.get(cookie, "")
        if value in allowed:
            kept = "dark" if value == "other" else value
            response.set_cookie(
                cookie, kept, max_age=COOKIE_SECONDS, samesite="Lax", secure=request.is_secure()
            )
    return response
