"""TLS over a plain socket, by memory buffers; imported only for an https address.

The standard library's SSLSocket is not used: its methods look their own class up by its global name, which
gevent replaces, so that an unpatched one cannot live in a patched process.
"""

from __future__ import annotations

import ssl
from typing import Any, Callable

from plimsoll_agent.originals import original

_CHUNK = 16 * 1024


def client_context(ca_file: str) -> Any:
    """A context that verifies the server by ``ca_file``, or by the system's authorities."""
    context = original("ssl", "SSLContext")(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file:
        context.load_verify_locations(ca_file)
    else:
        context.load_default_certs()
    return context


class TlsStream:
    """The few methods of a socket that the door uses; raises OSError (ssl.SSLError is one)."""

    def __init__(self, connection: Any, context: Any, host: str) -> None:
        self._connection = connection
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._drive(self._tls.do_handshake)

    def sendall(self, content: bytes) -> None:
        """Encrypt and send everything."""
        view = memoryview(content)
        while view:
            view = view[self._drive(self._tls.write, view) :]

    def recv(self, size: int) -> bytes:
        """At most ``size`` decrypted bytes, b"" at the end."""
        try:
            received: bytes = self._drive(self._tls.read, size)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        return received

    def settimeout(self, seconds: float) -> None:
        """Bound each exchange with the socket below."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """Close the socket below."""
        self._connection.close()

    def _drive(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Call ``action``, feeding it from the socket for as long as it wants more."""
        while True:
            done, result = self._attempt(action, *arguments)
            self._flush()
            if done:
                return result
            received = self._connection.recv(_CHUNK)
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()

    @staticmethod
    def _attempt(action: Callable[..., Any], *arguments: Any) -> tuple[bool, Any]:
        try:
            return True, action(*arguments)
        except ssl.SSLWantReadError:
            return False, None

    def _flush(self) -> None:
        pending = self._outgoing.read()
        if pending:
            self._connection.sendall(pending)
