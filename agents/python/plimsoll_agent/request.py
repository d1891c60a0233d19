"""Counts one request around a block or a function, for servers that no middleware fits."""

from __future__ import annotations

import functools
from time import perf_counter
from typing import Any, Callable, Optional, TypeVar

from plimsoll_agent.load import LoadMeter

CO_COROUTINE = 0x80
_F = TypeVar("_F", bound=Callable[..., Any])


class Request:
    """``with request(): …`` or ``@request()``, also on ``async def``; an exception counts as an error."""

    def __init__(self, meter: Callable[[], LoadMeter]) -> None:
        self._meter = meter
        self._began: Optional[float] = None

    def __enter__(self) -> "Request":
        self._began = perf_counter()
        return self

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        if self._began is not None:
            self._meter().served(perf_counter() - self._began, error=kind is not None)

    def __call__(self, function: _F) -> _F:
        """Count every call of ``function``, which may be ``async``."""
        if is_coroutine_function(function):

            @functools.wraps(function)
            async def counted_async(*args: Any, **kwargs: Any) -> Any:
                with Request(self._meter):
                    return await function(*args, **kwargs)

            return counted_async  # type: ignore[return-value]

        @functools.wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            with Request(self._meter):
                return function(*args, **kwargs)

        return counted  # type: ignore[return-value]


def is_coroutine_function(function: Any) -> bool:
    """True for ``async def``, without the cost of importing inspect."""
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & CO_COROUTINE)
