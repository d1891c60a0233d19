"""WSGI and ASGI middleware that counts requests, errors and latency."""

from __future__ import annotations

from time import perf_counter
from typing import Any, Awaitable, Callable, Iterable, Iterator, MutableMapping

from plimsoll_agent.lifecycle import load_meter

MARK = "plimsoll.counted"
SERVER_ERROR = 500
_Scope = MutableMapping[str, Any]


class WsgiMiddleware:
    """Wraps a WSGI application; an answer of 500 and above, or an exception, counts as an error."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request of the WSGI protocol."""
        return count_wsgi(self.app, environ, start_response)


def count_wsgi(
    app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Call ``app`` and count the request, once, however many layers are instrumented."""
    if MARK in environ:
        return app(environ, start_response)
    environ[MARK] = True
    exchange = _Exchange(start_response)
    try:
        body = app(environ, exchange.start_response)
    except BaseException:
        exchange.end(failed=True)
        raise
    if isinstance(body, (list, tuple)) or _is_file(body, environ):
        exchange.end()
        return body
    return _Body(body, exchange)


def _is_file(body: Iterable[bytes], environ: dict[str, Any]) -> bool:
    """True for the server's own file wrapper, which must reach the server as it is (sendfile)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


class _Exchange:
    """One request on its way: its beginning and its status."""

    __slots__ = ("_began", "_ended", "_failed", "_start_response")

    def __init__(self, start_response: Callable[..., Any]) -> None:
        self._began = perf_counter()
        self._ended = False
        self._failed = False
        self._start_response = start_response

    def start_response(self, status: str, *rest: Any, **named: Any) -> Any:
        self._failed = status[:1] == "5"
        return self._start_response(status, *rest, **named)

    def end(self, *, failed: bool = False) -> None:
        if not self._ended:
            self._ended = True
            load_meter().served(perf_counter() - self._began, error=failed or self._failed)


class _Body:
    """The application's iterable; the request ends when the server closes it."""

    __slots__ = ("_body", "_exchange")

    def __init__(self, body: Iterable[bytes], exchange: _Exchange) -> None:
        self._body = body
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except GeneratorExit:
            raise
        except BaseException:
            self._exchange.end(failed=True)
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._exchange.end()


class AsgiMiddleware:
    """Wraps an ASGI application; counts HTTP exchanges, passes everything else through."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: _Scope, receive: Any, send: Any) -> None:
        """Answer one exchange of the ASGI protocol."""
        await count_asgi(self.app, scope, receive, send)


async def count_asgi(app: Callable[..., Awaitable[None]], scope: _Scope, receive: Any, send: Any) -> None:
    """Await ``app`` and count the exchange, once, however many layers are instrumented."""
    if scope.get("type") != "http" or MARK in scope:
        await app(scope, receive, send)
        return
    scope[MARK] = True
    began = perf_counter()
    failed = True

    async def watch(message: MutableMapping[str, Any]) -> None:
        nonlocal failed
        if message.get("type") == "http.response.start":
            status = message.get("status")
            failed = isinstance(status, int) and status >= SERVER_ERROR
        await send(message)

    try:
        await app(scope, receive, watch)
    except BaseException:
        failed = True
        raise
    finally:
        load_meter().served(perf_counter() - began, error=failed)
