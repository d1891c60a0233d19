"""Reading a request's body within bounds: so many bytes as sent, so many when unpacked."""

from __future__ import annotations

import json
from typing import Any

import orjson
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from profiler_server.codecs.compression import gunzip, unzstd
from profiler_server.core.errors import (
    InvalidPoints,
    InvalidProfile,
    LimitExceeded,
    ProfilerError,
    UnsupportedFormat,
)

READ_BYTES = 1 << 20
UNPACKERS = {"gzip": gunzip, "x-gzip": gunzip, "zstd": unzstd}


class UnreadableBody(ProfilerError):
    """The connection ended, or was too slow, before the whole body was there."""

    code = "unreadable_body"


class InvalidEncoding(ProfilerError):
    """The body is not what its Content-Encoding says."""

    code = "invalid_encoding"


def read_body(request: HttpRequest, *, max_bytes: int) -> bytes:
    """Return the body as sent.

    Raises `LimitExceeded` beyond `max_bytes` (before reading, when the length is declared) and `UnreadableBody`.
    """
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    try:
        body = _chunked_body(request, max_bytes) if _is_chunked(request) else request.read(max_bytes + 1)
    except (UnreadablePostError, OSError) as error:
        raise UnreadableBody("The body did not arrive whole; send it again.") from error
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    if declared.isdigit() and len(body) < int(declared):
        raise UnreadableBody("The body is shorter than its Content-Length; send it again.")
    return body


def unpack(body: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """Return `body` without its Content-Encoding ("", identity, gzip or zstd), at most `max_bytes` long.

    Raises `UnsupportedFormat`, `InvalidEncoding`, or `LimitExceeded` for what unpacks to more.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        unpacked = body
    elif name in UNPACKERS:
        try:
            unpacked = UNPACKERS[name](body, max_bytes)
        except InvalidProfile as error:
            raise InvalidEncoding(f"The body is not what its Content-Encoding says. {error}") from error
    else:
        raise UnsupportedFormat("Send the body plain, or with Content-Encoding gzip or zstd.")
    if len(unpacked) > max_bytes:
        raise LimitExceeded(f"The body may unpack to at most {max_bytes} bytes; send fewer at a time.")
    return unpacked


def parse_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; raises `InvalidPoints` for anything else."""
    try:
        parsed = _loaded(body)
    except (ValueError, RecursionError) as error:
        raise InvalidPoints("The body is not JSON; see agents/wire/README.md for its form.") from error
    if not isinstance(parsed, dict):
        raise InvalidPoints("The body must be a JSON object; see agents/wire/README.md for its form.")
    return parsed


def _loaded(body: bytes) -> Any:
    """Return what the JSON says; what only Python's own parser takes (NaN, lone surrogates) is read by that one."""
    try:
        return orjson.loads(body)
    except ValueError:
        return json.loads(body)


def _is_chunked(request: HttpRequest) -> bool:
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()


def _chunked_body(request: HttpRequest, max_bytes: int) -> bytes:
    """Read a body without a declared length; Django itself would take it for an empty one."""
    stream = request.META.get("wsgi.input")
    if stream is None or not request.META.get("wsgi.input_terminated"):
        raise UnreadableBody("Send the body with a Content-Length.")
    parts: list[bytes] = []
    left = max_bytes + 1
    while left > 0 and (part := stream.read(min(READ_BYTES, left))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _too_large(max_bytes: int) -> LimitExceeded:
    return LimitExceeded(
        f"The body may be at most {max_bytes} bytes; send smaller batches, or raise the bound."
    )
