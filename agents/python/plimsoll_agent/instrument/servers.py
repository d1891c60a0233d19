"""Hooks for servers that run any application: wsgiref, gunicorn and uvicorn."""

from __future__ import annotations

import functools
from typing import Any, Callable

from plimsoll_agent.middleware import AsgiMiddleware, WsgiMiddleware

_WSGI_WORKERS = (
    "gunicorn.workers.sync",
    "gunicorn.workers.gthread",
    "gunicorn.workers.ggevent",
    "gunicorn.workers.geventlet",
    "gunicorn.workers.gtornado",
)


def _hook_wsgiref(module: Any) -> None:
    inner = module.BaseHandler.run

    @functools.wraps(inner)
    def run(self: Any, application: Any) -> Any:
        return inner(self, WsgiMiddleware(application))

    module.BaseHandler.run = run


def _hook_gunicorn(module: Any) -> None:
    inner = module.Worker.load_wsgi

    @functools.wraps(inner)
    def load_wsgi(self: Any) -> Any:
        result = inner(self)
        if any(kind.__module__ in _WSGI_WORKERS for kind in type(self).__mro__):
            self.wsgi = WsgiMiddleware(self.wsgi)
        return result

    module.Worker.load_wsgi = load_wsgi


def _hook_uvicorn(module: Any) -> None:
    inner = module.Config.load

    @functools.wraps(inner)
    def load(self: Any) -> Any:
        result = inner(self)
        self.loaded_app = AsgiMiddleware(self.loaded_app)
        return result

    module.Config.load = load


HOOKS: dict[str, Callable[[Any], None]] = {
    "wsgiref.handlers": _hook_wsgiref,
    "gunicorn.workers.base": _hook_gunicorn,
    "uvicorn.config": _hook_uvicorn,
}
