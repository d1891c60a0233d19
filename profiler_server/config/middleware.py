"""The edge of HTTP: errors of the domain become responses, and every page carries its security policy."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from profiler_server.core import errors
from profiler_server.ingest import urls as pushes
from profiler_server.storage.departures import AskerGone, asked_by

STATUS_OF_ERROR: dict[type[errors.ProfilerError], int] = {
    errors.InvalidProfile: 422,
    errors.InvalidPoints: 422,
    errors.UnsupportedFormat: 415,
    errors.IncompatibleProfiles: 422,
    errors.LimitExceeded: 413,
    errors.NotFound: 404,
    errors.AccessDenied: 403,
    errors.Conflict: 409,
    errors.Transient: 503,
    AskerGone: 499,
}
DEFAULT_ERROR_STATUS = 400
MACHINE_PATHS = ("/v1/", "/api/", "/ingest", "/push.", "/pyroscope/")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'; "
    "worker-src 'self'"
)

View = Callable[[HttpRequest], HttpResponse]


class ErrorsAsResponses:
    """Map a `ProfilerError` to its status: JSON for machines, a page with the same sentence for people."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer `request`."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer for a domain error; leave every other exception to Django."""
        if not isinstance(exception, errors.ProfilerError):
            return None
        if request.path.startswith(MACHINE_PATHS):
            return error_as_json(exception)
        status = status_of(exception)
        context = {"code": exception.code, "message": str(exception), "status": status}
        return render(request, "dashboards/error.html", context, status=status)


def pushes_first(get_response: View) -> View:
    """Answer agents before anything is looked at that is for people: sessions, cookies, messages, static files."""
    views: dict[str, View] = {f"/{one.pattern}": one.callback for one in pushes.urlpatterns}

    def middleware(request: HttpRequest) -> HttpResponse:
        view = views.get(request.path_info)
        if view is None:
            return get_response(request)
        try:
            return view(request)
        except errors.ProfilerError as error:
            return error_as_json(error)

    return middleware


def error_as_json(error: errors.ProfilerError) -> JsonResponse:
    """Return the form in which machines are told of an error."""
    body = {"error": {"code": error.code, "message": str(error)}}
    return JsonResponse(body, status=status_of(error))


def status_of(error: errors.ProfilerError) -> int:
    """Return the HTTP status of the nearest class of `error` that has one."""
    return next(
        (STATUS_OF_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_OF_ERROR),
        DEFAULT_ERROR_STATUS,
    )


def watch_asker(get_response: View) -> View:
    """Have queries cancelled when the client of a request closes its connection; gunicorn passes its socket along."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with asked_by(request.META.get("gunicorn.socket")):
            return get_response(request)

    return middleware


def content_security_policy(get_response: View) -> View:
    """Send a policy under which a page may load nothing but the server's own files."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
