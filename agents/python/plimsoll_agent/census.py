"""A census of big containers: modules, their classes, instances and caches, walked in small steps.

No code of the host runs: types are compared by identity, attributes are read past ``__getattr__`` and
descriptors, and only lengths of exact built-in types are taken. No object's content leaves.
"""

from __future__ import annotations

import functools
import sys
from collections import OrderedDict, defaultdict, deque
from time import monotonic, perf_counter, thread_time
from types import GetSetDescriptorType, ModuleType
from typing import Any, Iterator, NamedTuple, Optional

MIN_ENTRIES = 1000
MAX_PATHS = 20
MAX_VISITED = 200_000
MAX_CENSUS_SECONDS = 0.25
_LENGTH = {
    id(kind): kind.__name__
    for kind in (dict, list, set, tuple, frozenset, deque, OrderedDict, defaultdict, bytearray)
}
_CACHE = type(functools.lru_cache(maxsize=1)(print))
_NAME_OF = type.__dict__["__name__"].__get__
_MODULE_OF = type.__dict__["__module__"].__get__
_DICT_OF_TYPE: Any = type.__dict__["__dict__"].__get__
_DICT_OF_MODULE: Any = vars(ModuleType)["__dict__"].__get__
_MRO_OF = type.__dict__["__mro__"].__get__


class Held(NamedTuple):
    """A big container: the module that holds it, the names that lead to it, its type and length."""

    module: str
    names: tuple[str, ...]
    kind: str
    length: int


class Census:
    """Remembers the lengths of its last run, so that it can say which container grows."""

    def __init__(self, *, redact: bool = False) -> None:
        self._redact = redact
        self._last: dict[tuple[str, tuple[str, ...]], int] = {}
        self._last_at: Optional[float] = None

    def count(self) -> list[Held]:
        """The MAX_PATHS biggest containers now, biggest first; remembered for the next report."""
        found = sorted(walk(), key=lambda held: -held.length)[:MAX_PATHS]
        self._last = {(held.module, held.names): held.length for held in found}
        self._last_at = monotonic()
        return found

    def report(self) -> dict[str, Any]:
        """The biggest containers as holder paths; ``share`` is each one's share of all their entries.

        ``pause_ms`` is the longest that another thread can have waited: the interpreter's switch interval.
        """
        before, before_at, began = self._last, self._last_at, perf_counter()
        found = self.count()
        elapsed = 0.0 if before_at is None else monotonic() - before_at
        total = sum(held.length for held in found) or 1
        paths = []
        for held in found:
            grown = held.length - before.get((held.module, held.names), held.length)
            rate = f", {grown / elapsed * 60.0:+,.0f}/min" if grown and elapsed > 0 else ""
            paths.append(
                {
                    "path": f"{self._name(held)}: {held.kind} ({held.length:,} entries{rate})",
                    "share": round(held.length / total, 4),
                    "objects": held.length,
                    "bytes": None,
                }
            )
        pause = min(perf_counter() - began, sys.getswitchinterval())
        return {
            "method": "census",
            "pause_ms": round(pause * 1e3, 3),
            "unexplained_share": None,
            "paths": paths,
        }

    def _name(self, held: Held) -> str:
        names = ["*"] * len(held.names) if self._redact else held.names
        return " → ".join([f"module {held.module}", *names])


def walk() -> Iterator[Held]:
    """Yield each big container once, until its CPU time or the number of objects is spent."""
    deadline = thread_time() + MAX_CENSUS_SECONDS
    visited = 0
    seen: set[int] = set()
    for module_name, module in list(sys.modules.items()):
        if not issubclass(type(module), ModuleType) or not isinstance(module_name, str):
            continue
        for names, value in _values_of(module_name, _DICT_OF_MODULE(module)):
            visited += 1
            if visited > MAX_VISITED or thread_time() > deadline:
                return
            length = _length(value)
            if length >= MIN_ENTRIES and id(value) not in seen:
                seen.add(id(value))
                yield Held(module_name, names, _NAME_OF(type(value)), length)


def _values_of(module_name: str, module: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A module's values, and those of its own classes and instances one level down."""
    for name, value in list(module.items()):
        yield (name,), value
        inner = _attributes(value, module_name)
        for inner_name, inner_value in inner:
            if isinstance(inner_name, str):
                yield (f"{name}: {_NAME_OF(type(value))}", inner_name), inner_value


def _attributes(value: Any, module_name: str) -> list[tuple[Any, Any]]:
    """Attributes of a class defined in the module, or of an instance of one, past any descriptor."""
    kind = type(value)
    if issubclass(kind, type):
        return list(_DICT_OF_TYPE(value).items()) if _MODULE_OF(value) == module_name else []
    if _MODULE_OF(kind) != module_name:
        return []
    for base in _MRO_OF(kind):
        getter = _DICT_OF_TYPE(base).get("__dict__")
        if type(getter) is GetSetDescriptorType:
            return list(getter.__get__(value).items())
        if getter is not None:
            return []
    return []


def _length(value: Any) -> int:
    kind = type(value)
    if id(kind) in _LENGTH:
        return len(value)
    return int(value.cache_info().currsize) if kind is _CACHE else 0
