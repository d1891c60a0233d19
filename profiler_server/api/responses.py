"""How answers travel: JSON or bytes, compressed as the client can read, with an ETag."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any

import orjson
import zstandard
from django.http import HttpRequest, HttpResponse

COMPRESS_FROM_BYTES = 1024
GZIP_LEVEL = 5
ZSTD_LEVEL = 3
ETAG_BYTES = 12
VARY = "Accept-Encoding, Accept, Cookie, Authorization"


def json_answer(request: HttpRequest, content: Any) -> HttpResponse:
    """Answer with `content` as JSON."""
    return bytes_answer(request, encode_json(content), "application/json")


def encode_json(content: Any) -> bytes:
    """Return `content` as JSON; numpy arrays (contiguous) become lists, and what is no finite number null."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def bytes_answer(request: HttpRequest, body: bytes, media_type: str, *, file_name: str = "") -> HttpResponse:
    """Answer with `body`, or with 304 when the client already has it; `file_name` offers it as a download."""
    etag = f'W/"{hashlib.blake2b(body, digest_size=ETAG_BYTES).hexdigest()}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding, Accept, Cookie, Authorization",
    }
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    if file_name:
        headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    packed, encoding = _packed(body, request.headers.get("Accept-Encoding", ""))
    if encoding:
        headers["Content-Encoding"] = encoding
    return HttpResponse(packed, content_type=media_type, headers=headers)


def _packed(body: bytes, accepted: str) -> tuple[bytes, str]:
    codings = {part.split(";")[0].strip() for part in accepted.split(",")}
    if len(body) < COMPRESS_FROM_BYTES:
        return body, ""
    if "zstd" in codings:
        return zstandard.compress(body, ZSTD_LEVEL), "zstd"
    if "gzip" in codings:
        return gzip.compress(body, GZIP_LEVEL, mtime=0), "gzip"
    return body, ""
