"""Unpacking what strangers packed: gzip and zstd, never beyond a bound that the caller gives."""

import zlib
from importlib import import_module
from typing import Any

import zstandard

from profiler_server.core.errors import InvalidProfile, LimitExceeded

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31
GZIP_LEVEL = 6
ZSTD_MAX_WINDOW = 2**27
MAX_PARTS = 64


def _inflater() -> Any:
    """Return isal's zlib-like module where it is installed (about twice as fast), else zlib itself."""
    try:
        return import_module("isal.isal_zlib")
    except ImportError:
        return zlib


_ZLIB = _inflater()


def is_gzip(body: bytes) -> bool:
    """Return whether the body begins like a gzip file."""
    return body[:2] == GZIP_MAGIC


def unpack(body: bytes, max_bytes: int) -> bytes:
    """Return a body as it is, or what it gunzips to; raises as `gunzip` does."""
    if is_gzip(body):
        return gunzip(body, max_bytes)
    if len(body) > max_bytes:
        raise LimitExceeded(f"A body may be at most {max_bytes:,} bytes.")
    return body


def gunzip(body: bytes, max_bytes: int) -> bytes:
    """Return what a gzip file of one or more members holds.

    Raises `InvalidProfile` for damage or a missing end, `LimitExceeded` as soon as it grows beyond `max_bytes`.
    """
    parts: list[bytes] = []
    room = max_bytes
    while body:
        _check_parts(len(parts))
        member, body = _gunzip_member(body, room)
        parts.append(member)
        room -= len(member)
        if body and not is_gzip(body):
            raise InvalidProfile("Something follows the end of the gzip data.")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _gunzip_member(body: bytes, room: int) -> tuple[bytes, bytes]:
    """Return (content, what follows the member)."""
    inflater = _ZLIB.decompressobj(wbits=GZIP_WINDOW)
    try:
        content: bytes = inflater.decompress(body, room + 1)
    except (_ZLIB.error, zlib.error):
        raise InvalidProfile("The gzip data is damaged.") from None
    if len(content) > room:
        raise LimitExceeded(f"The body unpacks to more than {room:,} bytes.")
    if not inflater.eof:
        raise InvalidProfile("The gzip data ends too early.")
    return content, inflater.unused_data


def _check_parts(done: int) -> None:
    """Refuse many small parts in one body: each costs a copy of all that follows it."""
    if done >= MAX_PARTS:
        raise LimitExceeded(f"A body may consist of at most {MAX_PARTS} compressed parts.")


def pack(content: bytes) -> bytes:
    """Return the content as gzip, the same bytes for the same content."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW)
    return packer.compress(content) + packer.flush()


def unzstd(body: bytes, max_bytes: int) -> bytes:
    """Return what a zstd file of one or more frames holds; raises as `gunzip` does.

    The first pass only measures, in bounded memory; a frame without its end shows in the second.
    """
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW).stream_reader(
            body, read_across_frames=True
        )
        if len(reader.read(max_bytes + 1)) > max_bytes:
            raise LimitExceeded(f"The body unpacks to more than {max_bytes:,} bytes.")
        parts: list[bytes] = []
        while body:
            _check_parts(len(parts))
            frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW).decompressobj()
            parts.append(frame.decompress(body))
            if not frame.eof:
                raise InvalidProfile("The zstd data ends too early.")
            body = frame.unused_data
    except zstandard.ZstdError:
        raise InvalidProfile("The zstd data is damaged.") from None
    return b"".join(parts)
