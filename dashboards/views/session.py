"""Logging in and the reader's preferences."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from dashboards.preferences import COOKIE_SECONDS, THEME_COOKIE, THEMES, ZONES
from dashboards.zones import CHOICE_COOKIE


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep a preference in a cookie and return to the page it was set on."""
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = HttpResponseRedirect(target)
    for cookie, allowed in ((THEME_COOKIE, THEMES | {"other"}), (CHOICE_COOKIE, ZONES)):
        value = request.POST.get(cookie, "")
        if value in allowed:
            kept = "dark" if value == "other" else value
            response.set_cookie(
                cookie, kept, max_age=COOKIE_SECONDS, samesite="Lax", secure=request.is_secure()
            )
    return response
