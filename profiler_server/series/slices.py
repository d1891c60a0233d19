"""Columns of points in few bytes: numbers that are decimal become integers, integers become differences.

What all integers of a column are multiples of (pages, size classes) is stored once and divided out.

Every slice is sealed on its own, so that one column of a chunk can be read without the others. A column whose values
are not decimal within `MAX_DECIMALS` digits keeps its float64 bits, each combined with the one before by exclusive or.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.profile import BoolArray, FloatArray, Int64Array
from profiler_server.storage.columns import head_of, of_planes, pack, unpack
from profiler_server.storage.sealing import DamagedBlock, seal, unseal

MAX_DECIMALS = 6
VERBATIM = 15
DECIMALS = 0x0F
HAS_GAPS = 0x10
HAS_UNIT = 0x20
UNIT_BYTES = 8
EXACT_LIMIT = float(1 << 53)
MILLISECONDS = 1000.0


def encode_times(ts: FloatArray, start: float) -> bytes:
    """Return times (kept to the millisecond) relative to `start`, both in unix seconds."""
    offsets = np.rint((ts - start) * MILLISECONDS).astype(np.int64)
    return seal(pack(_steps(_steps(offsets))))


def decode_times(block: bytes | memoryview, start: float, points: int) -> FloatArray:
    """Undo `encode_times`."""
    steps, _ = unpack(unseal(block), 0, points)
    milliseconds: Int64Array = np.cumsum(np.cumsum(steps))
    return (milliseconds + round(start * MILLISECONDS)) / MILLISECONDS


def encode_values(values: FloatArray) -> bytes:
    """Return float64[n], NaN = missing, bit for bit."""
    gaps = np.isnan(values)
    some = values[~gaps] if gaps.any() else values
    decimals, integers = _integers(some)
    unit = 1 if decimals == VERBATIM else _unit(integers)
    flags = decimals | (HAS_GAPS if len(some) < len(values) else 0) | (HAS_UNIT if unit > 1 else 0)
    head = unit.to_bytes(UNIT_BYTES, "little") if unit > 1 else b""
    mask = np.packbits(gaps).tobytes() if flags & HAS_GAPS else b""
    return seal(bytes([flags]) + head + mask + pack(integers // unit if unit > 1 else integers))


def decode_values(block: bytes | memoryview, points: int) -> FloatArray:
    """Undo `encode_values`. Raises `DamagedBlock`."""
    return _opened(unseal(block), points)


def _opened(payload: bytes, points: int) -> FloatArray:
    if not payload:
        raise DamagedBlock("A stored column is empty.")
    flags, offset, unit = payload[0], 1, 1
    if flags & HAS_UNIT:
        offset += UNIT_BYTES
        unit = int.from_bytes(payload[1:offset], "little")
    gaps: BoolArray | None = None
    if flags & HAS_GAPS:
        packed = np.frombuffer(payload, np.uint8, (points + 7) // 8, offset)
        gaps = np.unpackbits(packed, count=points).astype(np.bool_)
        offset += len(packed)
    count = points if gaps is None else points - int(gaps.sum())
    integers, _ = unpack(payload, offset, count)
    some = _floats(flags & DECIMALS, integers * unit if unit > 1 else integers)
    if gaps is None:
        return some
    values = np.full(points, np.nan)
    values[~gaps] = some
    return values


def decode_all(blocks: Sequence[bytes | memoryview], points: Sequence[int]) -> list[FloatArray]:
    """Undo `encode_values` for many blocks; those of one form are opened together. Raises `DamagedBlock`."""
    found: dict[int, FloatArray] = {}
    alike: dict[tuple[int, int, int], list[int]] = {}
    payloads = [unseal(block) for block in blocks]
    for place, (payload, count) in enumerate(zip(payloads, points, strict=True)):
        flags = payload[0] if payload else HAS_GAPS
        if flags & HAS_GAPS or flags & DECIMALS == VERBATIM:
            found[place] = _opened(payload, count)
        else:
            alike.setdefault((flags, count, len(payload)), []).append(place)
    for (flags, count, _), places in alike.items():
        rows = _opened_alike([payloads[place] for place in places], flags, count)
        found.update(zip(places, rows, strict=True))
    return [found[place] for place in range(len(blocks))]


def _opened_alike(payloads: Sequence[bytes], flags: int, points: int) -> FloatArray:
    """Return float64[k, points] of payloads as long as each other, without gaps."""
    table = np.frombuffer(b"".join(payloads), np.uint8).reshape(len(payloads), -1)
    start = 1 + (UNIT_BYTES if flags & HAS_UNIT else 0)
    width, is_signed = head_of(payloads[0], start)
    if (table[:, start] != payloads[0][start]).any():  # as long, but of another sign
        return np.stack([_opened(payload, points) for payload in payloads])
    if table.shape[1] != start + 1 + width * points:
        raise DamagedBlock("A stored column is not as long as its row says.")
    planes = table[:, start + 1 :].reshape(len(payloads), width, points)
    steps = of_planes(planes, is_signed=is_signed)
    if flags & HAS_UNIT:
        steps *= np.ascontiguousarray(table[:, 1:start]).view("<i8")
    return _floats(flags & DECIMALS, steps)


def _integers(values: FloatArray) -> tuple[int, Int64Array]:
    """Return (decimals, differences of scaled integers), or (`VERBATIM`, combined bits)."""
    largest = float(np.abs(values).max(initial=0.0))
    for decimals in range(MAX_DECIMALS + 1):
        factor = 10.0**decimals
        if largest >= EXACT_LIMIT / factor:
            break
        scaled = np.rint(values * factor)
        if np.array_equal(scaled / factor, values) and not _has_negative_zero(values):
            return decimals, _steps(scaled.astype(np.int64))
    bits = np.ascontiguousarray(values).view(np.int64)
    combined = bits.copy()
    combined[1:] ^= bits[:-1]
    return VERBATIM, combined


def _unit(integers: Int64Array) -> int:
    """Return the greatest number that divides all of them (1 when there are none but zeros)."""
    return max(1, int(np.gcd.reduce(integers))) if len(integers) else 1


def _floats(decimals: int, integers: Int64Array) -> FloatArray:
    if decimals == VERBATIM:
        return np.bitwise_xor.accumulate(integers).view(np.float64)
    whole: Int64Array = np.cumsum(integers, axis=-1)
    return whole / 10.0**decimals if decimals else whole.astype(np.float64)


def _has_negative_zero(values: FloatArray) -> bool:
    zeros = values == 0
    return bool(zeros.any() and np.signbit(values[zeros]).any())


def _steps(values: Int64Array) -> Int64Array:
    steps = values.copy()
    steps[1:] -= values[:-1]
    return steps
