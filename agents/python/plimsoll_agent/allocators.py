"""What the process's allocators hold: glibc's mallinfo2 and pymalloc's arenas, read through ctypes."""

from __future__ import annotations

import re
import sys
from typing import Any, Optional

MAX_REPORT = 64 * 1024
TYPICAL_BLOCK_BYTES = 90.0
BLOCKS_COLUMN = "py.allocated_blocks"
_ARENAS = re.compile(rb"^(\d+) arenas \* (\d+) bytes/arena", re.MULTILINE)
_IN_USE = re.compile(rb"^# bytes in allocated blocks\s*=\s*([\d,]+)", re.MULTILINE)


class Allocators:
    """The C functions that tell of the allocators, looked up once; what is missing is left out."""

    def __init__(self) -> None:
        self._mallinfo2: Any = None
        self._debug_stats: Any = None
        self._libc: Any = None
        try:
            self._look_up()
        except Exception:  # no ctypes, a static interpreter, musl: the columns stay empty
            return

    def _look_up(self) -> None:
        import ctypes

        self._libc = ctypes.CDLL(None)
        if sys.implementation.name == "cpython" and hasattr(self._libc, "open_memstream"):
            self._debug_stats = getattr(ctypes.pythonapi, "_PyObject_DebugMallocStats", None)
            if self._debug_stats is not None:
                self._debug_stats.argtypes = [ctypes.c_void_p]
                self._libc.open_memstream.restype = ctypes.c_void_p
                self._libc.open_memstream.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
                self._libc.fclose.argtypes = [ctypes.c_void_p]
                self._libc.free.argtypes = [ctypes.c_void_p]
        self._mallinfo2 = getattr(self._libc, "mallinfo2", None)
        if self._mallinfo2 is not None:
            self._mallinfo2.restype = ctypes.c_size_t * 10
            fields = [(f"f{i}", ctypes.c_size_t) for i in range(10)]
            self._mallinfo2.restype = type("MallInfo2", (ctypes.Structure,), {"_fields_": fields})

    def malloc(self) -> dict[str, float]:
        """glibc's arenas: bytes in use, on free lists, and mmapped. Holds each arena's lock briefly."""
        if self._mallinfo2 is None:
            return {}
        info = self._mallinfo2()
        return {
            "mmapped_bytes": float(info.f4),
            "native_inuse_bytes": float(info.f7),
            "native_free_bytes": float(info.f8),
        }

    def pymalloc(self) -> dict[str, float]:
        """pymalloc's arenas and the part of them that holds no object (slack), in bytes."""
        report = self._pymalloc_report()
        arenas = _ARENAS.search(report) if report else None
        in_use = _IN_USE.search(report) if report else None
        if arenas is None or in_use is None:
            return {}
        held = int(arenas[1]) * int(arenas[2])
        used = int(in_use[1].replace(b",", b""))
        return {"pymalloc_arena_bytes": float(held), "pymalloc_slack_bytes": float(max(0, held - used))}

    def _pymalloc_report(self) -> Optional[bytes]:
        """CPython's own report, written to a memory stream: the host's stderr is never touched."""
        if self._debug_stats is None:
            return None
        import ctypes

        buffer, size = ctypes.c_void_p(), ctypes.c_size_t()
        stream = self._libc.open_memstream(ctypes.byref(buffer), ctypes.byref(size))
        if not stream:
            return None
        try:
            self._debug_stats(stream)
        finally:
            self._libc.fclose(stream)
        try:
            return ctypes.string_at(buffer, min(size.value, MAX_REPORT))
        finally:
            self._libc.free(buffer)


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
