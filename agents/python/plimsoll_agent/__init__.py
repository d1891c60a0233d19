"""The Plimsoll agent: memory, load and heap profiles from inside a Python service.

``start()`` once at the beginning of the program, or ``plimsoll-run python app.py`` without any change.
Nothing in here ever raises into the program that uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

from plimsoll_agent.custom import MAX_SERIES, Periodic
from plimsoll_agent.lifecycle import LIFE, custom_series, load_meter
from plimsoll_agent.request import Request
from plimsoll_agent.speech import VOICE
from plimsoll_agent.version import __version__

if TYPE_CHECKING:
    from plimsoll_agent.middleware import AsgiMiddleware, WsgiMiddleware

__all__ = [
    "AsgiMiddleware",
    "WsgiMiddleware",
    "__version__",
    "counter",
    "gauge",
    "instrument",
    "periodic",
    "request",
    "start",
    "stop",
]

_PERIODICS: dict[str, Periodic] = {}


def start(
    service: Optional[str] = None,
    url: Optional[str] = None,
    token: Optional[str] = None,
    *,
    labels: Union[Mapping[str, str], str, None] = None,
    **settings: Any,
) -> None:
    """Start the agent in this process and in every process forked from it.

    ``settings`` are the names of the settings table in lower case without ``PLIMSOLL_``; what is not given
    is taken from the environment. Problems are said once in the log; the program goes on.
    """
    try:
        LIFE.start({"service": service, "url": url, "token": token, "labels": labels, **settings})
    except Exception as problem:
        VOICE.say(f"the agent did not start: {type(problem).__name__}: {problem}")


def stop(seconds: Optional[float] = None) -> None:
    """Send what is left and stop; waits at most ``seconds``, by default just under one."""
    try:
        LIFE.stop(seconds)
    except Exception as problem:
        VOICE.say(f"stopping the agent: {type(problem).__name__}: {problem}")


def gauge(name: str, value: float) -> None:
    """Set the series ``name`` to ``value`` until it is set again."""
    try:
        custom_series().gauge(name, value)
    except Exception as problem:
        VOICE.once(f"gauge: {type(problem).__name__}: {problem}")


def counter(name: str, n: float = 1) -> None:
    """Add ``n`` to the series ``name``; a point holds what happened in its interval."""
    try:
        custom_series().counter(name, n)
    except Exception as problem:
        VOICE.once(f"counter: {type(problem).__name__}: {problem}")


def periodic(name: str) -> Periodic:
    """Time a periodic handler: ``with periodic("frame"): …`` at each call, or ``@periodic("frame")``.

    Gives the series `<name>.handler_ms`, `<name>.between_ms` (beginning to beginning) and `<name>.calls`.
    """
    known = _PERIODICS.get(name)
    if known is None:
        known = Periodic(custom_series, name)
        if len(_PERIODICS) < MAX_SERIES:
            _PERIODICS[name] = known
    return known


def request() -> Request:
    """Count one request with its time: a context manager or a decorator, for servers of one's own."""
    return Request(load_meter)


def instrument() -> None:
    """Count load in Django, Flask, Starlette, FastAPI, Celery, gRPC and others as they are imported."""
    try:
        from plimsoll_agent.instrument import install

        install()
    except Exception as problem:
        VOICE.say(f"load is not counted: {type(problem).__name__}: {problem}")


def __getattr__(name: str) -> Any:
    """Load the middlewares when they are asked for: memory at rest is counted in kilobytes."""
    if name not in {"AsgiMiddleware", "WsgiMiddleware"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from plimsoll_agent import middleware

    return getattr(middleware, name)
