"""Integers in few bytes: a column is stored as planes of its bytes, lowest first, ready for a compressor.

A packed column is one byte (its width w in bytes, plus `SIGNED` when zigzag-coded) and w planes of n bytes each.
Planes keep equal bytes together, which a general compressor turns into almost nothing.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from profiler_server.codecs.compiled import compiled_module
from profiler_server.core.profile import Int64Array, IntArray
from profiler_server.storage.sealing import DamagedBlock

ByteArray: TypeAlias = npt.NDArray[np.uint8]
SIGNED = 0x10
WIDTH_MASK = 0x0F
BYTES_PER_VALUE = 8
COMPILED_INTERFACE = 1


_FAST = compiled_module("profiler_server.storage._fast_columns", COMPILED_INTERFACE)


def pack(values: IntArray) -> bytes:
    """Return int64[n] as a packed column; n is not stored."""
    numbers = np.ascontiguousarray(values, np.int64)
    return pack_in_numpy(numbers) if _FAST is None else bytes(_FAST.pack(numbers, False))


def pack_in_numpy(values: IntArray) -> bytes:
    """Return what `pack` returns, without the compiled module."""
    numbers = np.ascontiguousarray(values, np.int64)
    flags = 0
    if len(numbers) and numbers.min() < 0:
        numbers = (numbers << 1) ^ (numbers >> 63)
        flags = SIGNED
    unsigned = numbers.view(np.uint64)
    top = int(unsigned.max()) if len(unsigned) else 0
    width = (top.bit_length() + 7) // 8
    planes = unsigned.view(np.uint8).reshape(-1, BYTES_PER_VALUE)[:, :width]
    return bytes([width | flags]) + planes.T.tobytes()


def unpack(data: bytes | memoryview, offset: int, count: int) -> tuple[Int64Array, int]:
    """Return int64[count] read at `offset`, and where the next column begins. Raises `DamagedBlock`."""
    if offset >= len(data):
        raise DamagedBlock("A stored block ends before its last column.")
    width, signed = data[offset] & WIDTH_MASK, data[offset] & SIGNED
    end = offset + 1 + width * count
    if width > BYTES_PER_VALUE or end > len(data):
        raise DamagedBlock("A stored block is shorter than its columns.")
    planes = np.frombuffer(data, np.uint8, width * count, offset + 1).reshape(width, count)
    return of_planes(planes, is_signed=bool(signed)), end


def of_planes(planes: ByteArray, *, is_signed: bool) -> Int64Array:
    """Return int64[…, n] from uint8[…, width, n]: many columns of one width at once."""
    width = planes.shape[-2]
    if width == 0:
        return np.zeros((*planes.shape[:-2], planes.shape[-1]), np.int64)
    highest = planes[..., width - 1, :]
    if width == 1 and is_signed:
        signs = (highest & 1).view(np.int8)
        return ((highest >> 1).view(np.int8) ^ -signs).astype(np.int64)
    numbers: Int64Array = highest.astype(np.int64)
    for plane in range(width - 2, -1, -1):
        numbers <<= 8
        numbers |= planes[..., plane, :]
    if is_signed:
        signs = -(numbers & 1)
        numbers.view(np.uint64)[...] >>= np.uint64(1)
        numbers ^= signs
    return numbers


def head_of(data: bytes | memoryview, offset: int) -> tuple[int, bool]:
    """Return the width of the column at `offset` and whether it is signed. Raises `DamagedBlock`."""
    if offset >= len(data) or data[offset] & WIDTH_MASK > BYTES_PER_VALUE:
        raise DamagedBlock("A stored block ends before its last column.")
    return data[offset] & WIDTH_MASK, bool(data[offset] & SIGNED)


def skip(data: bytes | memoryview, offset: int, count: int) -> int:
    """Return where the column after the one at `offset` begins. Raises `DamagedBlock`."""
    if offset >= len(data):
        raise DamagedBlock("A stored block ends before its last column.")
    return offset + 1 + (data[offset] & WIDTH_MASK) * count


def pack_rising(values: IntArray) -> bytes:
    """Return a non-decreasing column by its differences."""
    numbers = np.ascontiguousarray(values, np.int64)
    return pack_rising_in_numpy(numbers) if _FAST is None else bytes(_FAST.pack(numbers, True))


def pack_rising_in_numpy(values: IntArray) -> bytes:
    """Return what `pack_rising` returns, without the compiled module."""
    numbers = np.asarray(values, np.int64)
    return pack_in_numpy(
        numbers - np.concatenate([numbers[:0], np.zeros(min(1, len(numbers)), np.int64), numbers[:-1]])
    )


def unpack_rising(data: bytes | memoryview, offset: int, count: int) -> tuple[Int64Array, int]:
    """Undo `pack_rising`."""
    steps, end = unpack(data, offset, count)
    return np.cumsum(steps), end
