"""The pure-Python parser of pprof messages: the twin of the compiled one, slower and with the same answers."""

from collections.abc import Iterator

import numpy as np

from profiler_server.codecs.pprof_message import MALFORMED, MANY_PROFILES, WRONG_WIDTH, PprofMessage
from profiler_server.codecs.scanned_columns import ScannedColumns, scan_message
from profiler_server.core.errors import InvalidProfile
from profiler_server.core.profile import Int32Array, Int64Array, UInt64Array
from profiler_server.core.stacks import offsets_of
from profiler_server.core.validate import ProfileLimits

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MASK = 2**64 - 1
_HEADER_SLOT = {7: 0, 8: 1, 9: 2, 10: 3, 12: 4, 14: 5}
_TIME_SLOT = 2
_COMMENT = 13


def parse(buffer: bytes, limits: ProfileLimits, *, symbols: bool = True) -> PprofMessage:
    """Return the columns of an unpacked message; without `symbols` lines and functions are skipped over.

    Raises `InvalidProfile` and `LimitExceeded`, whichever comes first in the stream.
    """
    parser = _Parser(buffer, limits, symbols=symbols)
    parser.run()
    return parser.message()


def scan(buffer: bytes, limits: ProfileLimits, *, content_keys: bool = False) -> ScannedColumns:
    """Return the values and keys of an unpacked message; raises as `parse` does.

    Stacks are keyed by the addresses of their locations, and by the content of their frames where `content_keys` asks
    for it or a location has no address.
    """
    return scan_message(parse, buffer, limits, content_keys)


class _Parser:
    """Collects the columns as plain lists while it walks the message once."""

    def __init__(self, buffer: bytes, limits: ProfileLimits, *, symbols: bool) -> None:
        self.buffer = buffer
        self.limits = limits
        self.symbols = symbols
        self.sample_types: list[list[int]] = []
        self.period_type: list[list[int]] = []
        self.header = [0] * len(_HEADER_SLOT)
        self.depths: list[int] = []
        self.location_ids: list[int] = []
        self.widths: list[int] = []
        self.values: list[int] = []
        self.label_samples: list[int] = []
        self.labels: list[list[int]] = []
        self.mappings: list[list[int]] = []
        self.locations: list[list[int]] = []
        self.line_counts: list[int] = []
        self.lines: list[list[int]] = []
        self.functions: list[list[int]] = []
        self.strings: list[tuple[int, int]] = []

    def run(self) -> None:
        for number, wire, value, end in self._fields(0, len(self.buffer)):
            if number in _HEADER_SLOT:
                self._header(_HEADER_SLOT[number], wire, value)
            elif number in _MESSAGES:
                _expect(wire, BYTES)
                _MESSAGES[number](self, value, end)
            elif number == _COMMENT and wire not in {VARINT, BYTES}:
                raise InvalidProfile(MALFORMED)

    def message(self) -> PprofMessage:
        width = len(self.sample_types)
        if any(seen != width for seen in self.widths):
            raise InvalidProfile(WRONG_WIDTH)
        return PprofMessage(
            buffer=self.buffer,
            sample_types=_table(self.sample_types, 2),
            period_type=_table(self.period_type, 2),
            header=_signed(self.header),
            sample_offsets=offsets_of(np.array(self.depths, np.int32)),
            location_ids=np.array(self.location_ids, np.uint64),
            values=_signed(self.values).reshape(len(self.widths), width),
            label_samples=np.array(self.label_samples, np.int32),
            labels=_table(self.labels, 4),
            mappings=_table(self.mappings, 6),
            locations=_unsigned_table(self.locations, 3),
            line_offsets=offsets_of(np.array(self.line_counts, np.int32)),
            lines=_table(self.lines, 2),
            functions=_table(self.functions, 4),
            strings=_spans(self.strings),
        )

    def _header(self, slot: int, wire: int, value: int) -> None:
        _expect(wire, VARINT)
        if slot == _TIME_SLOT and self.header[slot]:
            raise InvalidProfile(MANY_PROFILES)
        self.header[slot] = value

    def _sample_type(self, at: int, end: int) -> None:
        self.limits.check("sample_types", len(self.sample_types) + 1)
        self.sample_types.append(self._flat(at, end, 2, 2))

    def _period_type(self, at: int, end: int) -> None:
        self.period_type = [self._flat(at, end, 2, 2)]

    def _sample(self, at: int, end: int) -> None:
        self.limits.check("samples", len(self.depths) + 1)
        ids_before, values_before = len(self.location_ids), len(self.values)
        for number, wire, value, stop in self._fields(at, end):
            if number == 1:
                for location_id in self._repeated(wire, value, stop):
                    self.location_ids.append(location_id)
                    self.limits.check("stack_frames", len(self.location_ids))
            elif number == 2:
                self.values.extend(self._repeated(wire, value, stop))
                self._check_width(len(self.values) - values_before)
            elif number == 3:
                _expect(wire, BYTES)
                self.limits.check("labels", len(self.labels) + 1)
                self.labels.append(self._flat(value, stop, 4, 4))
                self.label_samples.append(len(self.depths))
        self.depths.append(len(self.location_ids) - ids_before)
        self.widths.append(len(self.values) - values_before)

    def _check_width(self, width: int) -> None:
        if width > self.limits.sample_types:
            raise InvalidProfile(WRONG_WIDTH)

    def _mapping(self, at: int, end: int) -> None:
        self.limits.check("mappings", len(self.mappings) + 1)
        self.mappings.append(self._flat(at, end, 6, 10))

    def _location(self, at: int, end: int) -> None:
        self.limits.check("locations", len(self.locations) + 1)
        slots, before = [0, 0, 0], len(self.lines)
        for number, wire, value, stop in self._fields(at, end):
            if 1 <= number <= 3:
                _expect(wire, VARINT)
                slots[number - 1] = value
            elif number == 4:
                _expect(wire, BYTES)
                if self.symbols:
                    self.limits.check("lines", len(self.lines) + 1)
                    self.lines.append(self._flat(value, stop, 2, 3))
            elif number == 5:
                _expect(wire, VARINT)
        self.locations.append(slots)
        self.line_counts.append(len(self.lines) - before)

    def _function(self, at: int, end: int) -> None:
        if self.symbols:
            self.limits.check("functions", len(self.functions) + 1)
            self.functions.append(self._flat(at, end, 4, 5))

    def _string(self, at: int, end: int) -> None:
        self.limits.check("strings", len(self.strings) + 1)
        self.strings.append((at, end - at))

    def _flat(self, at: int, end: int, kept: int, known: int) -> list[int]:
        """Return the first `kept` scalar fields of a message whose fields 1 … `known` are all scalars."""
        slots = [0] * kept
        for number, wire, value, _ in self._fields(at, end):
            if 1 <= number <= known:
                _expect(wire, VARINT)
                if number <= kept:
                    slots[number - 1] = value
        return slots

    def _repeated(self, wire: int, value: int, end: int) -> Iterator[int]:
        """Yield a repeated scalar in either of its forms, packed or one by one."""
        if wire == VARINT:
            yield value
            return
        _expect(wire, BYTES)
        at = value
        while at < end:
            number, at = self._varint(at, end)
            yield number

    def _fields(self, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (number, wire type, value, 0), or (number, 2, start, end) for bytes."""
        buffer = self.buffer
        while at < end:
            tag = buffer[at]
            if tag < 0x80:
                at += 1
            else:
                tag, at = self._varint(at, end)
            wire = tag & 7
            if wire == VARINT:
                value, at = self._varint(at, end)
                yield tag >> 3, wire, value, 0
            elif wire == BYTES:
                length, at = self._varint(at, end)
                if length > end - at:
                    raise InvalidProfile(MALFORMED)
                yield tag >> 3, wire, at, at + length
                at += length
            else:
                at += 8 if wire == FIXED64 else 4 if wire == FIXED32 else end + 1
                if at > end:
                    raise InvalidProfile(MALFORMED)
                yield tag >> 3, wire, 0, 0

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Return (value modulo 2**64, position after it); at most ten bytes."""
        value = shift = 0
        for position in range(at, min(end, at + 10)):
            byte = self.buffer[position]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & _MASK, position + 1
            shift += 7
        raise InvalidProfile(MALFORMED)


_MESSAGES = {
    1: _Parser._sample_type,
    2: _Parser._sample,
    3: _Parser._mapping,
    4: _Parser._location,
    5: _Parser._function,
    6: _Parser._string,
    11: _Parser._period_type,
}


def _expect(wire: int, wanted: int) -> None:
    if wire != wanted:
        raise InvalidProfile(MALFORMED)


def _signed(numbers: list[int]) -> Int64Array:
    return np.array(numbers, np.uint64).view(np.int64)


def _table(rows: list[list[int]], width: int) -> Int64Array:
    return _unsigned_table(rows, width).view(np.int64)


def _unsigned_table(rows: list[list[int]], width: int) -> UInt64Array:
    return np.array(rows, np.uint64).reshape(len(rows), width)


def _spans(pairs: list[tuple[int, int]]) -> Int32Array:
    return np.array(pairs, np.int32).reshape(len(pairs), 2)
