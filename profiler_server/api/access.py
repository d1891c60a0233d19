"""Who asks: a signed-in member, or a program with a project's token; and which project they may read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.csrf import csrf_exempt

from profiler_server.accounts.queries import grant_of, projects_of
from profiler_server.core.errors import NotFound

SESSION_KEY = "project"
P = ParamSpec("P")
Endpoint = Callable[Concatenate[HttpRequest, int, P], HttpResponseBase]


class _CsrfAsJson(CsrfViewMiddleware):
    """Django's check, answering as every other refusal of the API does."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return _refusal(403, "csrf_failed", "The page is too old to send this. Reload it, then try again.")


_csrf_protect = decorator_from_middleware(_CsrfAsJson)


def endpoint(
    *methods: str,
) -> Callable[[Endpoint[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Allow `methods`, find the caller's project, and call `view(request, project_id, …)`.

    A token in the Authorization header (Bearer, or Basic with the token as password) names its project; a signed-in
    member's project is the one of `?project=<slug>`, else the one used last, else the first. A request with a
    session is held to Django's CSRF rules, one with a token needs none.
    """

    def decorate(view: Endpoint[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        protected: Callable[..., HttpResponseBase] = _csrf_protect(_by_session(view))

        @csrf_exempt
        @wraps(view)
        def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method not in methods:
                return _refusal(
                    405, "method_not_allowed", f"Use {' or '.join(methods)} here.", Allow=", ".join(methods)
                )
            secret = _secret_of(request)
            if secret is None:
                return protected(request, *args, **kwargs)
            grant = grant_of(secret)
            if grant is None:
                return _unauthenticated(
                    "The token is unknown or revoked; make one in the project's settings."
                )
            return view(request, grant.project_id, *args, **kwargs)

        return wrapper

    return decorate


def _by_session(view: Endpoint[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    def with_member(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _unauthenticated("Sign in, or send a project's token as Authorization: Bearer <token>.")
        return view(request, _project_of_member(request), *args, **kwargs)

    return with_member


def _project_of_member(request: HttpRequest) -> int:
    projects = projects_of(request.user)
    asked = request.GET.get("project")
    slug = asked or request.session.get(SESSION_KEY, "")
    for project in projects:
        if project.slug == slug:
            return project.pk
    if asked or not projects:
        raise NotFound("There is no such project, or you are not a member of it.")
    return projects[0].pk


def _secret_of(request: HttpRequest) -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None


def _unauthenticated(message: str) -> HttpResponse:
    return _refusal(401, "unauthenticated", message, **{"WWW-Authenticate": 'Bearer realm="plimsoll"'})


def _refusal(status: int, code: str, message: str, **headers: str) -> HttpResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status, headers=headers)
