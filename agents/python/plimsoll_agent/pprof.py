"""A small pprof encoder: profile.proto written by hand, gzip'd (github.com/google/pprof, proto/profile.proto)."""

from __future__ import annotations

import zlib
from typing import Iterable, NamedTuple, Sequence

GZIP_LEVEL = 6
_GZIP_WBITS = 31
_MASK_64 = (1 << 64) - 1


class Site(NamedTuple):
    """One frame: function name, file and line."""

    function: str
    file: str
    line: int


def varint(value: int) -> bytes:
    """Protocol-buffer varint of a 64-bit integer (negative values in two's complement)."""
    value &= _MASK_64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(tag: int, value: int) -> bytes:
    return varint(tag << 3) + varint(value) if value else b""


def _bytes(tag: int, payload: bytes) -> bytes:
    return varint(tag << 3 | 2) + varint(len(payload)) + payload


def _packed(tag: int, values: Iterable[int]) -> bytes:
    return _bytes(tag, b"".join(map(varint, values)))


class Encoder:
    """Collects samples and writes one profile; strings, functions and locations are written once."""

    def __init__(self, sample_types: Sequence[tuple[str, str]]) -> None:
        self._strings: dict[str, int] = {"": 0}
        self._functions: dict[tuple[str, str], int] = {}
        self._locations: dict[Site, int] = {}
        self._body = bytearray()
        for name, unit in sample_types:
            self._body += _bytes(1, self._value_type(name, unit))

    def add(self, locations: Iterable[int], values: Iterable[int]) -> None:
        """Append one sample: location ids (leaf first) and its values, one per sample type."""
        self._body += _bytes(2, _packed(1, locations) + _packed(2, values))

    def location(self, site: Site) -> int:
        """The id of a frame, written at its first use."""
        known = self._locations.get(site)
        if known is not None:
            return known
        ident = self._locations[site] = len(self._locations) + 1
        line = _number(1, self._function(site.function, site.file)) + _number(2, site.line)
        self._body += _bytes(4, _number(1, ident) + _bytes(4, line))
        return ident

    def finish(self, *, time_ns: int, period: int, default_type: str) -> bytes:
        """Return the gzip'd profile; ``period`` is the sampling interval in bytes."""
        tail = bytearray()
        tail += _number(9, time_ns)
        tail += _bytes(11, self._value_type("space", "bytes"))
        tail += _number(12, period)
        tail += _number(14, self._string(default_type))
        for text in self._strings:
            tail += _bytes(6, text.encode("utf-8", "replace"))
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
        return packer.compress(bytes(self._body)) + packer.compress(bytes(tail)) + packer.flush()

    def _value_type(self, name: str, unit: str) -> bytes:
        return _number(1, self._string(name)) + _number(2, self._string(unit))

    def _string(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings))

    def _function(self, name: str, file: str) -> int:
        known = self._functions.get((name, file))
        if known is not None:
            return known
        ident = self._functions[name, file] = len(self._functions) + 1
        fields = _number(1, ident) + _number(2, self._string(name)) + _number(4, self._string(file))
        self._body += _bytes(5, fields)
        return ident
