"""The smallest WSGI server for the demonstration's services."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

Reply = tuple[int, str]
REASONS = {200: "OK", 500: "Internal Server Error"}


class ThreadedServer(ThreadingMixIn, WSGIServer):
    """One thread a request; threads end with the process."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """Write no access log."""

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def serve(handle: Callable[[int], Reply]) -> None:
    """Serve `handle(request number)` on the port given on the command line, until the process is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    numbers = itertools.count(1)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, text = handle(next(numbers))
        start_response(f"{status} {REASONS[status]}", [("Content-Type", "text/plain")])
        return [text.encode()]

    port = parser.parse_args().port
    make_server("127.0.0.1", port, application, ThreadedServer, QuietHandler).serve_forever()
