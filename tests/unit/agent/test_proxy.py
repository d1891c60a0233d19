"""Which proxy the environment names, and the two ways of speaking through it."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable

import pytest
import trustme
from plimsoll_agent.door import Door, DoorShut, json_request
from plimsoll_agent.proxy import find_proxy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECONDS = 60.0


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, None),
        ({"http_proxy": "http://p:3128"}, ("p", 3128)),
        ({"HTTP_PROXY": "p:3128/"}, ("p", 3128)),
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, None),
        ({"https_proxy": "http://p:1"}, None),
        ({"ALL_PROXY": "http://p"}, ("p", 80)),
        ({"http_proxy": "socks5://p:1"}, None),
        ({"http_proxy": "http://p:99999"}, None),
        ({"http_proxy": "http://p:1", "NO_PROXY": "*"}, None),
        ({"http_proxy": "http://p:1", "no_proxy": "other, .example.org"}, None),
        ({"http_proxy": "http://p:1", "no_proxy": "example.org:80"}, None),
        ({"http_proxy": "http://p:1", "no_proxy": "example.org:81,ample.org"}, ("p", 1)),
    ],
)
def test_the_environment_names_the_proxy(environ: dict[str, str], wanted: tuple[str, int] | None) -> None:
    found = find_proxy("http", "plimsoll.example.org", 80, environ)
    assert (found and (found.host, found.port)) == wanted


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_never_reached_by_a_proxy(host: str) -> None:
    assert find_proxy("http", host, 80, {"http_proxy": "http://p:1"}) is None


def head_of(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(4096)
        assert more
        head += more
    return head


class FakeProxy:
    """Listens on this machine; `serve` gets the one connection in a thread."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
        self.thread.start()

    def _run(self, serve: Callable[[socket.socket], None]) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(SECONDS)
        with connection:
            serve(connection)

    def close(self) -> None:
        self.thread.join(SECONDS)
        self.listener.close()


def test_a_plain_server_is_asked_for_by_its_whole_address(monkeypatch) -> None:
    heads = []

    def serve(connection: socket.socket) -> None:
        heads.append(head_of(connection).decode())
        connection.sendall(ANSWER)

    proxy = FakeProxy(serve)
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
    answer = Door("http://plimsoll.invalid:81/base", "t").send(
        json_request("/v1/points", "{}"), seconds=SECONDS
    )
    proxy.close()
    assert (answer.status, answer.body) == (200, b"{}")
    lines = heads[0].split("\r\n")
    assert lines[0] == "POST http://plimsoll.invalid:81/base/v1/points HTTP/1.1"
    assert "Host: plimsoll.invalid:81" in lines
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:p@ss').decode()}" in lines
    assert "Authorization: Bearer t" in lines


def test_a_tls_server_is_reached_through_a_tunnel(monkeypatch, tmp_path) -> None:
    """The proxy sees the server's name and ciphertext, not the token."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("plimsoll.invalid").configure_cert(context)
    heads = []

    def serve(connection: socket.socket) -> None:
        heads.append(head_of(connection).decode())
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secured:
            heads.append(head_of(secured).decode())
            secured.sendall(ANSWER)

    proxy = FakeProxy(serve)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
    door = Door("https://plimsoll.invalid", "token", ca_file=str(tmp_path / "ca.pem"))
    answer = door.send(json_request("/v1/points", "{}"), seconds=SECONDS)
    proxy.close()
    assert answer.status == 200
    assert heads[0].startswith("CONNECT plimsoll.invalid:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic" in heads[0]
    assert "token" not in heads[0]
    assert heads[1].startswith("POST /v1/points HTTP/1.1\r\n")
    assert "Proxy-Authorization" not in heads[1]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 no\r\n\r\n", b"SSH-2.0\r\n\r\n", b"", b"x" * 40_000])
def test_a_proxy_that_refuses_is_told_of(monkeypatch, answer: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(answer)

    proxy = FakeProxy(serve)
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
    with pytest.raises(DoorShut, match="proxy"):
        Door("https://plimsoll.invalid", "t").send(json_request("/v1/points", "{}"), seconds=SECONDS)
    proxy.close()
