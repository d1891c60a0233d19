"""Hooks for gRPC servers: an interceptor that counts calls, put before the program's own."""

from __future__ import annotations

import functools
from time import perf_counter
from typing import Any, Callable

from plimsoll_agent.lifecycle import load_meter
from plimsoll_agent.speech import VOICE

_UNARY_ANSWERS = ("unary_unary", "stream_unary")
_STREAMED_ANSWERS = ("unary_stream", "stream_stream")


def grpc_interceptor(grpc: Any) -> Any:
    """An interceptor for ``grpc.server(interceptors=…)``; ``grpc`` is the module."""

    class CountingInterceptor(grpc.ServerInterceptor):  # type: ignore[misc]
        """Counts each call from its arrival to the end of its answer."""

        def intercept_service(self, continuation: Any, details: Any) -> Any:
            return _counted_handler(continuation(details))

    return CountingInterceptor()


def _counted_handler(handler: Any) -> Any:
    """The method handler with its behaviour wrapped; None (no such method) stays None."""
    if handler is None:
        return None
    for name in _UNARY_ANSWERS:
        behaviour = getattr(handler, name, None)
        if behaviour is not None:
            return handler._replace(**{name: _counted(behaviour)})
    for name in _STREAMED_ANSWERS:
        behaviour = getattr(handler, name, None)
        if behaviour is not None:
            return handler._replace(**{name: _counted_stream(behaviour)})
    return handler


def _counted(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(behaviour)
    def call(*args: Any) -> Any:
        began, failed = perf_counter(), True
        try:
            answer = behaviour(*args)
            failed = False
            return answer
        finally:
            load_meter().served(perf_counter() - began, error=failed)

    return call


def _counted_stream(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(behaviour)
    def call(*args: Any) -> Any:
        began, failed = perf_counter(), True
        try:
            yield from behaviour(*args)
            failed = False
        finally:
            load_meter().served(perf_counter() - began, error=failed)

    return call


def _made(make: Callable[[], Any]) -> list[Any]:
    """The interceptor in a list; an empty one where this grpc does not know such a thing."""
    try:
        return [make()]
    except Exception as problem:
        VOICE.once(f"calls of grpc are not counted: {type(problem).__name__}: {problem}")
        return []


def _hook_grpc(module: Any) -> None:
    inner = module.server

    @functools.wraps(inner)
    def server(
        thread_pool: Any, handlers: Any = None, interceptors: Any = None, *rest: Any, **named: Any
    ) -> Any:
        mine = _made(lambda: grpc_interceptor(module))
        return inner(thread_pool, handlers, [*mine, *(interceptors or ())], *rest, **named)

    module.server = server


def _hook_grpc_aio(module: Any) -> None:
    inner = module.server

    class CountingInterceptor(module.ServerInterceptor):  # type: ignore[misc]
        """Counts each unary call from its arrival to its answer."""

        async def intercept_service(self, continuation: Any, details: Any) -> Any:
            handler = await continuation(details)
            behaviour = getattr(handler, "unary_unary", None)
            return handler if behaviour is None else handler._replace(unary_unary=_counted_async(behaviour))

    @functools.wraps(inner)
    def server(
        pool: Any = None, handlers: Any = None, interceptors: Any = None, *rest: Any, **named: Any
    ) -> Any:
        pool = named.pop("migration_thread_pool", pool)
        return inner(pool, handlers, [*_made(CountingInterceptor), *(interceptors or ())], *rest, **named)

    module.server = server


def _counted_async(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(behaviour)
    async def call(*args: Any) -> Any:
        began, failed = perf_counter(), True
        try:
            answer = await behaviour(*args)
            failed = False
            return answer
        finally:
            load_meter().served(perf_counter() - began, error=failed)

    return call


HOOKS: dict[str, Callable[[Any], None]] = {"grpc": _hook_grpc, "grpc.aio": _hook_grpc_aio}
