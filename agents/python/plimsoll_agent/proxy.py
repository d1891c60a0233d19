"""The HTTP proxy that the environment names for a server; imported only where it names one."""

from __future__ import annotations

import base64
import os
from typing import Any, Callable, Mapping, NamedTuple, Optional
from urllib.parse import unquote, urlsplit

MAX_TUNNEL_HEAD_BYTES = 16 * 1024


class Proxy(NamedTuple):
    """Where the proxy listens, and the header that it wants (empty, or a whole line)."""

    host: str
    port: int
    authorization: str

    def tunnel(self, connection: Any, receive: Callable[[], bytes], authority: str) -> None:
        """Ask for a connection through to ``authority``; raises OSError where it is refused."""
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", self.authorization]
        connection.sendall("\r\n".join([*filter(None, lines), "", ""]).encode("latin-1", "replace"))
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > MAX_TUNNEL_HEAD_BYTES:
                raise OSError("the proxy's answer is too long")
            more = receive()
            if not more:
                raise OSError("the proxy closed the connection")
            head += more
        words = head.split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].startswith(b"2"):
            raise OSError(f"the proxy refused: {head[:60].decode('latin-1')!r}")


def find_proxy(scheme: str, host: str, port: int, environ: Mapping[str, str] = os.environ) -> Optional[Proxy]:
    """The proxy for ``scheme://host:port`` by ``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy``.

    Names are read in lower, then in upper case; ``HTTP_PROXY`` in upper case is ignored in a CGI program, where
    a request's header could set it. This machine itself is never reached by a proxy. A value that is no
    http:// address names none.
    """
    if is_local(host) or is_excluded(host, port, _read(environ, "no_proxy")):
        return None
    own = f"{scheme}_proxy"
    value = environ.get(own, "") if "REQUEST_METHOD" in environ else _read(environ, own)
    value = value or _read(environ, "all_proxy")
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        found_port = parts.port or 80
    except ValueError:
        return None
    if not value or parts.scheme != "http" or not parts.hostname:
        return None
    authorization = ""
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        authorization = f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}"
    return Proxy(parts.hostname, found_port, authorization)


def is_local(host: str) -> bool:
    """Whether it is this very machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """Whether ``no_proxy`` (``*``, or names separated by commas, each with its subdomains) names the host."""
    for word in no_proxy.lower().split(","):
        name, _, only_port = word.strip().partition(":") if word.count(":") == 1 else (word.strip(), "", "")
        name = name.lstrip("*").lstrip(".")
        if word.strip() == "*":
            return True
        if name and only_port in {"", str(port)} and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _read(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper(), "")
