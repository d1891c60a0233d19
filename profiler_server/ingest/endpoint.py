"""What every endpoint of ingest does first and last: method, token, rate, body; JSON for whatever goes wrong."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from redis.exceptions import RedisError

from profiler_server.accounts.queries import TokenGrant
from profiler_server.core.errors import Transient
from profiler_server.ingest.bodies import InvalidEncoding, UnreadableBody, read_body
from profiler_server.ingest.rates import RATES
from profiler_server.ingest.tokens import GRANTS, secret_in

RETRY_SECONDS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Push:
    """One authenticated request: to which project, with which query, and the body as sent."""

    project_id: int
    query: dict[str, str]
    body: bytes
    encoding: str
    content_type: str


Answer = Callable[[Push], dict[str, Any] | None]


def endpoint(
    *, method: str, max_bytes: Callable[[], int]
) -> Callable[[Answer], Callable[[HttpRequest], HttpResponse]]:
    """Make a view of a function that answers a `Push` with a JSON object, or with None for an empty 200."""

    def decorate(answer: Answer) -> Callable[[HttpRequest], HttpResponse]:
        @csrf_exempt
        @functools.wraps(answer)
        def view(request: HttpRequest) -> HttpResponse:
            if request.method != method:
                response = error_response(405, "method_not_allowed", f"Use {method} here.")
                response.headers["Allow"] = method
                return response
            return _guarded(request, answer, max_bytes())

        return view

    return decorate


def error_response(status: int, code: str, message: str) -> JsonResponse:
    """Return the one form in which ingest says no."""
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)


def _guarded(request: HttpRequest, answer: Answer, max_bytes: int) -> HttpResponse:
    try:
        grant = _grant(request)
        if grant is None:
            return _unauthenticated()
        wait = RATES.seconds_to_wait(grant.token_id, settings.ENV.requests_per_minute)
        if wait:
            return _too_many(wait)
        push = Push(
            project_id=grant.project_id,
            query=_query(request),
            body=read_body(request, max_bytes=max_bytes),
            encoding=request.META.get("HTTP_CONTENT_ENCODING", ""),
            content_type=request.META.get("CONTENT_TYPE", ""),
        )
        told = answer(push)
    except UnreadableBody as error:
        return error_response(408, error.code, str(error))
    except InvalidEncoding as error:
        return error_response(400, error.code, str(error))
    except (OperationalError, InterfaceError, RedisError):
        _log.exception("The database or the cache does not answer.")
        return _unavailable()
    if told is None:
        return HttpResponse(status=200)
    return HttpResponse(orjson.dumps(told), content_type="application/json")


def _query(request: HttpRequest) -> dict[str, str]:
    if not request.META.get("QUERY_STRING"):
        return {}
    return {name: request.GET.get(name, "") for name in request.GET}


def _grant(request: HttpRequest) -> TokenGrant | None:
    secret = secret_in(request)
    return None if secret is None else GRANTS.grant(secret)


def _unauthenticated() -> HttpResponse:
    response = error_response(
        401,
        "no_token",
        "Send a token of the project as Authorization: Bearer <token>; see Settings → Tokens.",
    )
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _too_many(wait_seconds: float) -> HttpResponse:
    seconds = max(1, round(wait_seconds))
    response = error_response(
        429, "too_many_requests", f"This token sends too often; wait {seconds} s, or send larger batches."
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def _unavailable() -> HttpResponse:
    response = error_response(503, Transient.code, "The server cannot store now; send it again later.")
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
