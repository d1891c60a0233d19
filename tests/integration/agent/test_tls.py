"""An https server: its certificate is checked, also in a process that gevent has patched."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme

SEND = """
import sys
if "gevent" in sys.argv:
    from gevent import monkey
    monkey.patch_all()
from plimsoll_agent.door import Door, DoorShut, json_request
for authority in (sys.argv[2], ""):
    try:
        answer = Door(sys.argv[1], "t", ca_file=authority).send(json_request("/v1/points", '{"x": 1}'), seconds=5)
        print(answer.status, len(answer.body))
    except DoorShut as problem:
        print("refused" if "CERTIFICATE_VERIFY_FAILED" in str(problem) else problem)
"""
BODY = b"{" + b" " * 50_000 + b"}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        return


class _Server(HTTPServer):
    def handle_error(self, *_: object) -> None:
        return


@pytest.mark.parametrize("world", ["plain", "gevent"])
def test_the_certificate_is_checked(launch, finish, tmp_path, world) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"https://localhost:{server.server_address[1]}"
        process = launch.python(SEND, url, str(tmp_path / "ca.pem"), world, PYTHONWARNINGS="default")
        status, out, err = finish(process)
        server.shutdown()
    assert (status, out) == (0, "200 50002\nrefused\n"), err
