"""Sealed blocks: compressed bytes with a checksum over all of them, refused when one bit differs."""

from __future__ import annotations

import threading
from typing import ClassVar

import zstandard
from isal.isal_zlib import crc32

from profiler_server.core.errors import ProfilerError

CHECKSUM_BYTES = 4
COMPRESSION_LEVEL = 3
MAX_UNPACKED_BYTES = 1 << 30


class DamagedBlock(ProfilerError):
    """A stored block fails its checksum or cannot be what was written."""

    code: ClassVar[str] = "damaged_block"


class _PerThread(threading.local):
    """Compressors keep state while they work, so that each thread has its own."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_codec = _PerThread()


def seal(payload: bytes) -> bytes:
    """Return the compressed payload followed by the CRC-32 of the compressed bytes."""
    packed = _codec.compressor.compress(payload)
    return packed + crc32(packed).to_bytes(CHECKSUM_BYTES, "little")


def unseal(block: bytes | memoryview) -> bytes:
    """Return the payload of a sealed block. Raises `DamagedBlock`."""
    view = memoryview(block)
    packed = view[:-CHECKSUM_BYTES]
    if len(view) <= CHECKSUM_BYTES or crc32(packed) != int.from_bytes(view[-CHECKSUM_BYTES:], "little"):
        raise DamagedBlock("A stored block fails its checksum; run `manage.py fsck` to list the damage.")
    if zstandard.frame_content_size(packed) > MAX_UNPACKED_BYTES:
        raise DamagedBlock("A stored block claims an impossible size.")
    return _codec.decompressor.decompress(packed)
