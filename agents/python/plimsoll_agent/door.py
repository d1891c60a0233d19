"""The HTTP door to the server: one bounded request at a time over a plain socket.

The standard library's client is not used: importing it costs memory in every service, and it sets no
bound on the whole exchange, so that a server that drips bytes could hold the agent for ever.
"""

from __future__ import annotations

import os
import zlib
from time import monotonic
from typing import Any, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from plimsoll_agent.originals import original
from plimsoll_agent.version import AGENT_NAME

DEADLINE_SECONDS = 10.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_HEAD_BYTES = 16 * 1024
MAX_RETRY_AFTER_SECONDS = 600.0
COMPRESS_FROM_BYTES = 512
_CHUNK = 16 * 1024
_GZIP_WBITS = 31
_SOCK_STREAM = 1


class DoorShut(OSError):
    """The server could not be reached or did not answer in HTTP within the deadline."""


class Answer(NamedTuple):
    """What the server said: status, body (at most MAX_ANSWER_BYTES) and how long to stay away."""

    status: int
    body: bytes
    retry_after: Optional[float] = None


class Request(NamedTuple):
    """One message to the server, complete in itself, so that it can wait in the spool."""

    path: str
    content_type: str
    body: bytes
    gzipped: bool = False

    @property
    def size(self) -> int:
        """Bytes it takes in the spool."""
        return len(self.body) + len(self.path) + 64


def json_request(path: str, text: str) -> Request:
    """A JSON message, gzip'd where that pays."""
    body = text.encode("utf-8", "replace")
    if len(body) < COMPRESS_FROM_BYTES:
        return Request(path, "application/json", body)
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WBITS)
    return Request(path, "application/json", packer.compress(body) + packer.flush(), gzipped=True)


class Door:
    """Knows the server's address and the token; sends requests with a deadline for the whole exchange."""

    def __init__(self, url: str, token: str, *, ca_file: str = "", agent: str = AGENT_NAME) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._address = _plain(self._host)
        self._port = parts.port or (443 if self._secure else 80)
        self._base = parts.path.rstrip("/")
        self._authority = parts.netloc.rpartition("@")[2]
        self._token = token
        self._ca_file = ca_file
        self._agent = agent
        self._tls: Any = None
        self._proxy = _proxy_for(parts.scheme, self._host, self._port)

    def send(self, request: Request, *, seconds: float = DEADLINE_SECONDS) -> Answer:
        """Send one request; raise DoorShut if there is no proper answer within ``seconds``."""
        deadline = monotonic() + seconds
        try:
            connection = self._connect(deadline)
        except OSError as problem:
            raise DoorShut(f"cannot reach the server: {problem}") from problem
        try:
            connection.sendall(self._head(request) + request.body)
            return _read_answer(connection, deadline)
        except (OSError, ValueError) as problem:
            raise DoorShut(f"no proper answer from the server: {problem}") from problem
        finally:
            connection.close()

    def _connect(self, deadline: float) -> Any:
        proxy = self._proxy
        address, port = (self._address, self._port) if proxy is None else (_plain(proxy.host), proxy.port)
        connection = _connect(address, port, deadline)
        if not self._secure:
            return connection
        try:
            if proxy is not None:
                authority = f"[{self._host}]" if ":" in self._host else self._host
                proxy.tunnel(
                    connection,
                    lambda: _receive(connection, deadline, required=False),
                    f"{authority}:{self._port}",
                )
            from plimsoll_agent.tls import TlsStream, client_context

            if self._tls is None:
                self._tls = client_context(self._ca_file)
            return TlsStream(connection, self._tls, self._host)
        except BaseException:
            connection.close()
            raise

    def _head(self, request: Request) -> bytes:
        asked = self._proxy if not self._secure else None  # a tunnel's far end is the server itself
        origin = "" if asked is None else f"http://{self._authority}"
        lines = [
            f"POST {origin}{self._base}{request.path} HTTP/1.1",
            f"Host: {self._authority}",
            f"User-Agent: {self._agent}",
            f"Content-Type: {request.content_type}",
            f"Content-Length: {len(request.body)}",
            "Accept: application/json",
            "Connection: close",
        ]
        if request.gzipped:
            lines.append("Content-Encoding: gzip")
        if asked is not None and asked.authorization:
            lines.append(asked.authorization)
        if self._token:
            lines.append(f"Authorization: Bearer {self._token}")
        return "\r\n".join([_one_line(line) for line in lines] + ["", ""]).encode("latin-1", "replace")


def _proxy_for(scheme: str, host: str, port: int) -> Any:
    """The proxy to go through, None for most: then nothing more is imported."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from plimsoll_agent.proxy import find_proxy

    return find_proxy(scheme, host, port)


def _connect(address: Any, port: int, deadline: float) -> Any:
    """A connected socket of the operating system, not of an event loop that has patched ``socket``.

    ``socket.create_connection`` would look up the patched class by its global name.
    """
    found = original("socket", "getaddrinfo")(address, port, 0, _SOCK_STREAM)
    problem: OSError = OSError("the server's name has no address")
    for family, kind, protocol, _, where in found:
        connection = original("socket", "socket")(family, kind, protocol)
        try:
            connection.settimeout(_left(deadline))
            connection.connect(where)
        except OSError as refused:
            connection.close()
            problem = refused
        else:
            return connection
    raise problem


def _plain(host: str) -> Any:
    """An ASCII name as bytes: as text it would load the IDNA codec and its tables for nothing."""
    return host.encode("ascii") if host.isascii() else host


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0.0:
        raise TimeoutError("the exchange took too long")
    return left


def _read_answer(connection: Any, deadline: float) -> Answer:
    """Read status, headers and at most MAX_ANSWER_BYTES of body; informational answers are skipped."""
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            if len(buffer) > MAX_HEAD_BYTES:
                raise ValueError("the answer's head is too long")
            buffer += _receive(connection, deadline, required=True)
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        status, headers = _parse_head(head)
        if status >= 200:
            break
    chunked = headers.get("transfer-encoding", "").lower() == "chunked"
    length = headers.get("content-length", "")
    wanted = int(length) if length.isdigit() and not chunked else None
    if status == 204:
        wanted = 0
    body = _read_body(connection, buffer, wanted, deadline)
    body = _unchunk(body) if chunked else body
    return Answer(status, body[:MAX_ANSWER_BYTES], _retry_after(headers.get("retry-after", "")))


def _read_body(connection: Any, body: bytes, wanted: Optional[int], deadline: float) -> bytes:
    limit = MAX_ANSWER_BYTES if wanted is None else min(wanted, MAX_ANSWER_BYTES)
    while len(body) < limit:
        more = _receive(connection, deadline, required=False)
        if not more:
            break
        body += more
    return body


def _receive(connection: Any, deadline: float, *, required: bool) -> bytes:
    connection.settimeout(_left(deadline))
    more: bytes = connection.recv(_CHUNK)
    if required and not more:
        raise ValueError("the connection closed early")
    return more


def _parse_head(head: bytes) -> tuple[int, Mapping[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise ValueError("not an HTTP answer")
    pairs = (line.partition(":") for line in lines[1:])
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _unchunk(body: bytes) -> bytes:
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if length <= 0:
            break
        out += rest[:length]
        body = rest[length + 2 :]
    return out


def _retry_after(text: str) -> Optional[float]:
    return min(float(text), MAX_RETRY_AFTER_SECONDS) if text.isdigit() else None
