"""Finds the function that a line of a file belongs to; tracemalloc knows files and lines only."""

from __future__ import annotations

import importlib.util
import marshal
import os
from bisect import bisect_right
from types import CodeType
from typing import Iterator, Optional

MAX_SOURCE_BYTES = 512 * 1024
MAX_PYC_BYTES = 4 << 20
MAX_FILES = 2000
_PYC_HEADER = 16


class LineIndex:
    """Functions of one file by line: ``starts`` sorted, ``names`` beside it."""

    __slots__ = ("_names", "_starts")

    def __init__(self, code: CodeType) -> None:
        owner: dict[int, str] = {}
        for name, function in _functions(code, ""):
            for line in _lines(function):
                owner[line] = name
        self._starts = sorted(owner)
        self._names = [owner[line] for line in self._starts]

    def name_at(self, line: int) -> str:
        """Name of the function whose code has the nearest line at or before ``line``."""
        position = bisect_right(self._starts, line) - 1
        return self._names[position] if position >= 0 else "<module>"


class Symbols:
    """Bounded cache of line indexes; a file that cannot be read gives its own name."""

    def __init__(self) -> None:
        self._files: dict[str, Optional[LineIndex]] = {}

    def function_at(self, file: str, line: int) -> str:
        """Qualified name of the function at ``file:line``."""
        if file not in self._files:
            if len(self._files) >= MAX_FILES:
                return os.path.basename(file)
            self._files[file] = _index(file)
        index = self._files[file]
        return os.path.basename(file) if index is None else index.name_at(line)


def _index(file: str) -> Optional[LineIndex]:
    try:
        code = _from_pyc(file) or _from_source(file)
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, RecursionError, MemoryError):
        return None
    return None if code is None else LineIndex(code)


def _from_pyc(file: str) -> Optional[CodeType]:
    """The compiled module as the interpreter cached it: cheap, and what really runs."""
    try:
        with open(importlib.util.cache_from_source(file), "rb") as pyc:
            content = pyc.read(MAX_PYC_BYTES + 1)
        if content[:4] != importlib.util.MAGIC_NUMBER or len(content) > MAX_PYC_BYTES:
            return None
        code = marshal.loads(memoryview(content)[_PYC_HEADER:])
    except (OSError, ValueError, EOFError, TypeError, NotImplementedError):
        return None
    return code if isinstance(code, CodeType) else None


def _from_source(file: str) -> Optional[CodeType]:
    with open(file, "rb") as source:
        content = source.read(MAX_SOURCE_BYTES + 1)
    if len(content) > MAX_SOURCE_BYTES:
        return None
    return compile(content, file, "exec", dont_inherit=True)


def _functions(code: CodeType, prefix: str) -> Iterator[tuple[str, CodeType]]:
    """Every code object with its qualified name, outer before inner so that inner lines win."""
    name = getattr(code, "co_qualname", None) or f"{prefix}{code.co_name}"
    yield name, code
    inner = "" if code.co_name == "<module>" else f"{name}."
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _functions(constant, inner)


def _lines(code: CodeType) -> Iterator[int]:
    if hasattr(code, "co_lines"):
        for _, _, line in code.co_lines():
            if line is not None:
                yield line
        return
    line = code.co_firstlineno
    yield line
    for step in code.co_lnotab[1::2]:
        line += step - 256 if step > 127 else step
        yield line
