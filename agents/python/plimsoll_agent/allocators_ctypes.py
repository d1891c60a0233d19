"""The allocators' own reports through ctypes, where the native extension is absent."""

from __future__ import annotations

import ctypes
import re
import sys
from typing import Any, Optional

MAX_REPORT = 64 * 1024
_ARENAS = re.compile(rb"^(\d+) arenas \* (\d+) bytes/arena", re.MULTILINE)
_IN_USE = re.compile(rb"^# bytes in allocated blocks\s*=\s*([\d,]+)", re.MULTILINE)


class CtypesReaders:
    """The same two functions as the extension's: tuples of bytes, None where the system has no such report."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._debug_stats: Any = None
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
            fields = [(f"f{i}", ctypes.c_size_t) for i in range(10)]
            self._mallinfo2.restype = type("MallInfo2", (ctypes.Structure,), {"_fields_": fields})

    def malloc_info(self) -> Optional[tuple[int, int, int]]:
        """Bytes mmapped, in use and free in glibc's arenas."""
        if self._mallinfo2 is None:
            return None
        info = self._mallinfo2()
        return info.f4, info.f7, info.f8

    def pymalloc_info(self) -> Optional[tuple[int, int]]:
        """Bytes of pymalloc's arenas, and of the blocks in use in them."""
        report = self._report()
        arenas = _ARENAS.search(report) if report else None
        in_use = _IN_USE.search(report) if report else None
        if arenas is None or in_use is None:
            return None
        return int(arenas[1]) * int(arenas[2]), int(in_use[1].replace(b",", b""))

    def _report(self) -> Optional[bytes]:
        """CPython's own report, written to a memory stream: the host's stderr is never touched."""
        if self._debug_stats is None:
            return None
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
