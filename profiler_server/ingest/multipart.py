"""Multipart bodies that are wholly in memory: a few small forms, read without touching a disk."""

from __future__ import annotations

import re
from email.message import Message

from profiler_server.core.errors import InvalidProfile, LimitExceeded

MAX_PARTS = 16
MAX_BOUNDARY = 200
MAX_PART_HEADER_BYTES = 4096
_NAME = re.compile(rb'name="?([A-Za-z0-9_.-]{1,64})"?(?:;|\r|$)', re.IGNORECASE)


def is_multipart(content_type: str) -> bool:
    """Return whether the body is a multipart form."""
    return content_type.split(";", 1)[0].strip().lower() == "multipart/form-data"


def read_multipart(body: bytes, content_type: str) -> dict[str, bytes]:
    """Return the parts of a form by name; the first of equal names wins.

    Raises `InvalidProfile` when the body is no such form and `LimitExceeded` beyond `MAX_PARTS`.
    """
    boundary = b"\r\n--" + _boundary(content_type)
    pieces = (b"\r\n" + body).split(boundary, MAX_PARTS + 2)
    if len(pieces) > MAX_PARTS + 2:
        raise LimitExceeded(f"A form may have at most {MAX_PARTS} parts.")
    parts: dict[str, bytes] = {}
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return parts
        name, content = _part(piece)
        parts.setdefault(name, content)
    raise InvalidProfile("The multipart form is cut off.")


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii():
        raise InvalidProfile("The multipart form names no boundary in its Content-Type.")
    return boundary.encode("ascii")


def _part(piece: bytes) -> tuple[str, bytes]:
    head, gap, content = piece.partition(b"\r\n\r\n")
    if not gap or len(head) > MAX_PART_HEADER_BYTES:
        raise InvalidProfile("A part of the multipart form has no header.")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-disposition:"):
            found = _NAME.search(line.replace(b"filename", b"file-n"))
            if found:
                return found[1].decode("ascii"), content
    raise InvalidProfile("A part of the multipart form has no name.")
