"""The service's own series: gauges, counters and periodic handlers."""

from __future__ import annotations

import functools
import re
from time import perf_counter
from typing import Any, Callable, Optional, TypeVar

from plimsoll_agent.originals import original
from plimsoll_agent.request import is_coroutine_function
from plimsoll_agent.speech import VOICE

MAX_SERIES = 150
NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}\Z")
MAX_NAME = 64
_PERIODIC_SUFFIXES = (".handler_ms", ".between_ms", ".calls")
_F = TypeVar("_F", bound=Callable[..., Any])


class CustomSeries:
    """Values of the present interval, at most MAX_SERIES names; a bad name is refused, aloud once."""

    def __init__(self) -> None:
        self._lock: Any = original("_thread", "RLock")()
        self._gauges: dict[str, float] = {}
        self._counters: dict[str, float] = {}
        self._means: dict[str, tuple[float, int]] = {}
        self._names: set[str] = set()

    def gauge(self, name: str, value: float) -> None:
        """Set a value that stands until it is set again."""
        with self._lock:
            if self._admit(name):
                self._gauges[name] = float(value)

    def counter(self, name: str, n: float = 1) -> None:
        """Add ``n`` to what happened in the present interval."""
        with self._lock:
            if self._admit(name):
                self._counters[name] = self._counters.get(name, 0.0) + float(n)

    def mean(self, name: str, value: float) -> None:
        """Add one observation; the point holds the interval's mean."""
        with self._lock:
            if self._admit(name):
                total, count = self._means.get(name, (0.0, 0))
                self._means[name] = (total + value, count + 1)

    def take(self) -> dict[str, float]:
        """Columns of the interval that ends now; counters fall back to 0, gauges stay."""
        with self._lock:
            columns = dict(self._gauges)
            columns.update(self._counters)
            columns.update((name, round(total / n, 4)) for name, (total, n) in self._means.items())
            self._counters = dict.fromkeys(self._counters, 0.0)
            self._means.clear()
        return columns

    def _admit(self, name: str) -> bool:
        if name in self._names:
            return True
        if not isinstance(name, str) or NAME.match(name) is None:
            VOICE.once(
                f"series name {str(name)[:80]!r} must match [a-z][a-z0-9_.]{{0,63}}; it is not recorded"
            )
            return False
        if len(self._names) >= MAX_SERIES:
            VOICE.once(f"more than {MAX_SERIES} series of one's own; further names are not recorded")
            return False
        self._names.add(name)
        return True


class Periodic:
    """Times a periodic handler: ``with periodic("frame"): …`` or ``@periodic("frame")``.

    Records `<name>.handler_ms` (mean time inside), `<name>.between_ms` (mean time from one call's
    beginning to the next one's) and `<name>.calls` of each interval. One object per call chain: the
    handler of one name is expected to run in one thread at a time.
    """

    def __init__(self, series: Callable[[], CustomSeries], name: str) -> None:
        self._series = series
        self._handler, self._between, self._calls = (name + suffix for suffix in _PERIODIC_SUFFIXES)
        self._began: Optional[float] = None

    def __enter__(self) -> "Periodic":
        now = perf_counter()
        before, self._began = self._began, now
        if before is not None:
            self._series().mean(self._between, (now - before) * 1000.0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._began is not None:
            series = self._series()
            series.mean(self._handler, (perf_counter() - self._began) * 1000.0)
            series.counter(self._calls)

    def __call__(self, function: _F) -> _F:
        """Time every call of ``function``, which may be ``async``."""
        if is_coroutine_function(function):

            @functools.wraps(function)
            async def timed_async(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return timed_async  # type: ignore[return-value]

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return timed  # type: ignore[return-value]
