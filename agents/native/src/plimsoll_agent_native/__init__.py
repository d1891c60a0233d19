"""The native memory sampler: which call sites hold memory in this process, and who holds the objects.

>>> import plimsoll_agent_native as native
>>> native.start()
>>> body = native.snapshot_pprof()
>>> native.stop()
"""

from __future__ import annotations

from plimsoll_agent_native.errors import AlreadyStarted, NativeError, NotStarted, UnsupportedInterpreter
from plimsoll_agent_native.holders import Census, Container, HolderPath, HolderReport, census, find_holders
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
from plimsoll_agent_native.snapshot import KINDS, Snapshot

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
