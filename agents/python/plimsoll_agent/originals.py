"""Real locks, threads and sockets, also in a process that gevent or eventlet has monkey-patched.

The agent's thread must stay an operating-system thread: as a greenlet it would run inside the host's
event loop and stop it while a profile is encoded.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def original(module: str, name: str) -> Any:
    """Return ``module.name`` as it was before any monkey-patching.

    A patcher that is only half imported has patched nothing yet.
    """
    gevent = getattr(sys.modules.get("gevent.monkey"), "get_original", None)
    if gevent is not None:
        return gevent(module, name)
    eventlet = getattr(sys.modules.get("eventlet.patcher"), "original", None)
    if eventlet is not None:
        return getattr(eventlet(module), name)
    return getattr(importlib.import_module(module), name)


class Signal:
    """A one-shot event made of a raw lock: set once, waited for with a timeout in seconds."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = original("_thread", "allocate_lock")()
        self._lock.acquire()

    def set(self) -> None:
        """Wake the waiter; setting twice is harmless."""
        try:
            self._lock.release()
        except RuntimeError:
            return

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``; true if the signal was set (it stays set)."""
        if not self._lock.acquire(timeout=max(0.0, seconds)):
            return False
        self.set()
        return True


def start_thread(target: Any) -> None:
    """Start ``target()`` in an operating-system thread that never holds up the interpreter's exit."""
    original("_thread", "start_new_thread")(target, ())
