"""Driving the sampler: start, stop, pause, and taking snapshots."""

from __future__ import annotations

import atexit
import enum
import sys
import time
import zlib
from typing import TYPE_CHECKING

from plimsoll_agent_native import _native
from plimsoll_agent_native.errors import AlreadyStarted, NotStarted, UnsupportedInterpreter

if TYPE_CHECKING:
    from plimsoll_agent_native.columns import Snapshot

INTERVAL_BYTES = 512 * 1024
INTERVAL_BYTES_MIN = 1
INTERVAL_BYTES_MAX = 1 << 40
MAX_STACKS = 32_768
MAX_LIVE_SAMPLES = 32_768
BOUND_MIN = 64
BOUND_MAX = 1 << 22
GZIP_LEVEL = 1
GZIP_WINDOW_BITS = 31  # 15, in a gzip wrapper

_armed_at_ns = 0


class HookState(enum.IntEnum):
    """`stats()["hook_state"]`: what the allocators do now."""

    OFF = 0
    ARMED = 1
    PAUSED = 2  # hooks are out, at no cost
    PASSIVE = 3  # hooks had to stay below someone else's and only forward
    DISPLACED = 4  # someone else took the hooks out; resume() puts them back


def supported() -> bool:
    """Whether this interpreter's layouts are known to this build."""
    return bool(_native.SUPPORTED)


def start(
    interval_bytes: int = INTERVAL_BYTES,
    *,
    numpy: bool = True,
    max_stacks: int = MAX_STACKS,
    max_live_samples: int = MAX_LIVE_SAMPLES,
    seed: int | None = None,
) -> None:
    """Hook the allocators and sample one allocation per `interval_bytes` allocated on average.

    When more than 300 samples come per second, or more than `max_live_samples` are live, the interval is raised (and
    live samples thinned to match) rather than samples dropped.  With `numpy`, buffers of an already loaded NumPy are
    sampled too; call `hook_numpy()` after loading it later.  `seed` makes the draws repeatable in this process.

    Raises UnsupportedInterpreter, AlreadyStarted, ValueError, RuntimeError (not the main interpreter), MemoryError.
    """
    if not supported():
        raise UnsupportedInterpreter(_refusal())
    if not INTERVAL_BYTES_MIN <= interval_bytes <= INTERVAL_BYTES_MAX:
        msg = f"interval_bytes must lie in {INTERVAL_BYTES_MIN}..{INTERVAL_BYTES_MAX}, not {interval_bytes}"
        raise ValueError(msg)
    for name, bound in (("max_stacks", max_stacks), ("max_live_samples", max_live_samples)):
        if not BOUND_MIN <= bound <= BOUND_MAX:
            msg = f"{name} must lie in {BOUND_MIN}..{BOUND_MAX}, not {bound}"
            raise ValueError(msg)
    if stats()["hook_state"] != HookState.OFF:
        msg = "the sampler runs in this process already; call stop() first, or resume() if it is paused"
        raise AlreadyStarted(msg)
    _load_the_rest()
    _native.start(float(interval_bytes), numpy, max_stacks, max_live_samples, seed)
    _note_armed()
    atexit.register(stop)


def _refusal() -> str:
    """Why this interpreter is not sampled, and what to do instead."""
    here = f"{sys.version.split()[0]} ({sys.implementation.name}{sys.abiflags})"
    if hasattr(_native, "start"):  # this minor version, but another release of it
        why = f"was built with headers that do not fit {here}: install it anew with this interpreter"
    else:
        why = f"knows CPython 3.11 to 3.14 with the GIL, not {here}"
    return f"plimsoll-agent-native {why}; the agent can fall back to tracemalloc or to RSS only"


def _load_the_rest() -> None:
    """Import here what is used while armed: a child forked while another thread imports would wait for its lock."""
    from plimsoll_agent_native import columns, holders  # noqa: F401, PLC0415


def stop() -> None:
    """Take the hooks out, or make them only forward when someone else hooked on top; forget everything."""
    atexit.unregister(stop)
    if supported():
        _native.stop()


def pause() -> None:
    """Take the hooks out for now; what is live stays readable until `resume()`."""
    _require_started()
    _native.pause()


def resume(*, keep_live: bool = False) -> None:
    """Arm the hooks again, also after someone else took them out (`HookState.DISPLACED`).

    Frees were missed meanwhile, so in-use counts start from nothing; after a pause unless `keep_live` (for benchmarks
    that toggle).
    """
    _require_started()
    _native.resume(keep_live)
    _note_armed()


def hook_numpy() -> bool:
    """Patch NumPy's default data handler if NumPy is loaded and known; cheap to call again and again."""
    return supported() and _native.hook_numpy()


def stats() -> dict[str, int]:
    """Counters of the sampler, its own memory (`own_bytes`) and its `hook_state`."""
    if not supported():
        return {"hook_state": HookState.OFF}
    return _native.stats()


def snapshot() -> Snapshot:
    """All stacks with what they hold and allocated; other threads run on in between."""
    from plimsoll_agent_native.columns import Snapshot  # noqa: PLC0415 - seldom needed in a service

    _require_started()
    columns = _native.columns(False)
    return Snapshot(
        columns, duration_ns=time.monotonic_ns() - _armed_at_ns, interval_bytes=stats()["interval_bytes"]
    )


def snapshot_pprof() -> bytes:
    """The same as a gzip'd pprof: inuse_objects, inuse_space, alloc_objects, alloc_space; period type space/bytes.

    Memory that is not an object itself carries the label `kind`: buffer, container storage or numpy buffer.
    """
    _require_started()
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW_BITS)
    body = _native.pprof(time.time_ns(), time.monotonic_ns() - _armed_at_ns)
    return packer.compress(body) + packer.flush()


def _require_started() -> None:
    if stats()["hook_state"] == HookState.OFF:
        msg = "the sampler does not run in this process; call start() first"
        raise NotStarted(msg)


def _note_armed() -> None:
    global _armed_at_ns  # noqa: PLW0603 - one sampler per process, as in the extension
    _armed_at_ns = time.monotonic_ns()
