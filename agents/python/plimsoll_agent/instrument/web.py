"""Hooks for web frameworks: Django, Flask, Starlette and FastAPI."""

from __future__ import annotations

import functools
from typing import Any, Callable

from plimsoll_agent.middleware import count_asgi, count_wsgi


def count_wsgi_calls(kind: Any) -> None:
    """Count the requests of a class whose instances are WSGI applications."""
    inner: Callable[..., Any] = kind.__call__

    @functools.wraps(inner)
    def __call__(self: Any, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: N807
        return count_wsgi(functools.partial(inner, self), environ, start_response)

    kind.__call__ = __call__


def count_asgi_calls(kind: Any) -> None:
    """Count the exchanges of a class whose instances are ASGI applications."""
    inner: Callable[..., Any] = kind.__call__

    @functools.wraps(inner)
    async def __call__(self: Any, scope: Any, receive: Any, send: Any) -> None:  # noqa: N807
        await count_asgi(functools.partial(inner, self), scope, receive, send)

    kind.__call__ = __call__


HOOKS: dict[str, Callable[[Any], None]] = {
    "django.core.handlers.wsgi": lambda module: count_wsgi_calls(module.WSGIHandler),
    "django.core.handlers.asgi": lambda module: count_asgi_calls(module.ASGIHandler),
    "flask.app": lambda module: count_wsgi_calls(module.Flask),
    "starlette.applications": lambda module: count_asgi_calls(module.Starlette),
}
