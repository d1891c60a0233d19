"""The native memory sampler: which call sites hold memory in this process, and who holds the objects.

>>> import plimsoll_agent_native as native
>>> native.start()
>>> body = native.snapshot_pprof()
>>> native.stop()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll_agent_native.errors import AlreadyStarted, NativeError, NotStarted, UnsupportedInterpreter
from plimsoll_agent_native.sampling import (
    HookState,
    hook_numpy,
    pause,
    resume,
    snapshot,
    snapshot_pprof,
    start,
    stats,
    stop,
    supported,
)

if TYPE_CHECKING:
    from plimsoll_agent_native.columns import KINDS, Snapshot
    from plimsoll_agent_native.holders import (
        Census,
        Container,
        HolderPath,
        HolderReport,
        census,
        find_holders,
    )

__version__ = "0.1.0"

__all__ = [
    "KINDS",
    "AlreadyStarted",
    "Census",
    "Container",
    "HolderPath",
    "HolderReport",
    "HookState",
    "NativeError",
    "NotStarted",
    "Snapshot",
    "UnsupportedInterpreter",
    "__version__",
    "census",
    "find_holders",
    "hook_numpy",
    "pause",
    "resume",
    "snapshot",
    "snapshot_pprof",
    "start",
    "stats",
    "stop",
    "supported",
]

_LATER = {
    "holders": ("Census", "Container", "HolderPath", "HolderReport", "census", "find_holders"),
    "columns": ("KINDS", "Snapshot"),
}


def __getattr__(name: str) -> Any:
    """Load what is seldom needed when it is asked for: a service that waits for growth never pays for it."""
    for module, names in _LATER.items():
        if name in names:
            value = getattr(__import__(f"{__name__}.{module}", fromlist=[name]), name)
            globals()[name] = value
            return value
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
