"""What the process's allocators hold: glibc's mallinfo2 and pymalloc's arenas."""

from __future__ import annotations

from typing import Any, Optional

TYPICAL_BLOCK_BYTES = 90.0
BLOCKS_COLUMN = "py.allocated_blocks"


class Allocators:
    """Readers of the allocators, found once; what is missing is left out.

    The native sampler's extension has them; without it they are reached through ctypes, whose import costs a service
    about 0.4 MB.
    """

    def __init__(self) -> None:
        self._readers: Any = None
        try:
            self._readers = _find_readers()
        except Exception:  # no ctypes, a static interpreter, musl: the columns stay empty
            return

    def malloc(self) -> dict[str, float]:
        """glibc's arenas: bytes in use, on free lists, and mmapped. Holds each arena's lock briefly."""
        totals = None if self._readers is None else self._readers.malloc_info()
        if totals is None:
            return {}
        mmapped, in_use, free = totals
        return {
            "mmapped_bytes": float(mmapped),
            "native_inuse_bytes": float(in_use),
            "native_free_bytes": float(free),
        }

    def pymalloc(self) -> dict[str, float]:
        """pymalloc's arenas and the part of them that holds no object (slack), in bytes."""
        totals = None if self._readers is None else self._readers.pymalloc_info()
        if totals is None:
            return {}
        held, used = totals
        return {"pymalloc_arena_bytes": float(held), "pymalloc_slack_bytes": float(max(0, held - used))}


def _find_readers() -> Any:
    """An object with `malloc_info` and `pymalloc_info`."""
    try:
        from plimsoll_agent_native import _native
    except ImportError:
        _native = None
    if hasattr(_native, "malloc_info"):
        return _native
    from plimsoll_agent.allocators_ctypes import CtypesReaders

    return CtypesReaders()


class LiveEstimate:
    """Bytes that the allocators have handed out: pymalloc blocks + malloc blocks + mmapped blocks.

    CPython refuses its report on pymalloc while any sampler has hooked the allocators; the number of blocks
    is still known then, and is multiplied by the mean size that a block had at the last report.
    """

    def __init__(self) -> None:
        self._block_bytes = TYPICAL_BLOCK_BYTES

    def of(self, columns: dict[str, float]) -> Optional[float]:
        """The estimate from the columns of one point, None if too few of them are there."""
        blocks = columns.get(BLOCKS_COLUMN)
        if blocks is None or "native_inuse_bytes" not in columns:
            return None
        if "pymalloc_arena_bytes" in columns and blocks > 0:
            used = columns["pymalloc_arena_bytes"] - columns["pymalloc_slack_bytes"]
            self._block_bytes = used / blocks
        return round(blocks * self._block_bytes) + columns["native_inuse_bytes"] + columns["mmapped_bytes"]
