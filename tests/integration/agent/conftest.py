"""A real HTTP server that keeps what agents send, and real processes that carry the agent."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

OK = b'{"accepted":{"points":1,"markers":0},"next_push_seconds":null,"commands":[]}'


@dataclass
class Message:
    """One request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Capture:
    """What arrived, and how the server is to answer: ``answer`` gets the connection's handler."""

    messages: list[Message] = field(default_factory=list)
    status: int = 200
    body: bytes = OK
    answer: Callable[[Any], None] | None = None
    url: str = ""

    def points(self) -> list[dict[str, Any]]:
        return [message.json for message in list(self.messages) if message.path.endswith("/v1/points")]

    def profiles(self) -> list[Message]:
        return [message for message in list(self.messages) if message.path.endswith("/v1/profiles")]

    def instance_keys(self) -> set[str]:
        return {message["instance"]["key"] for message in self.points()}

    def column(self, name: str) -> list[float | None]:
        return [v for message in self.points() for v in message["points"]["columns"].get(name, [])]

    def wait(self, condition: Callable[[], Any], seconds: float = 40.0) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"not seen within {seconds} s; {len(self.messages)} messages arrived")


class _Handler(BaseHTTPRequestHandler):
    capture: Capture

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.capture.messages.append(Message(parts.path, query, dict(self.headers), body, time.monotonic()))
        if self.capture.answer is not None:
            self.capture.answer(self)
            return
        self.send_response(self.capture.status)
        self.send_header("Content-Length", str(len(self.capture.body)))
        self.end_headers()
        self.wfile.write(self.capture.body)

    def log_message(self, *_: object) -> None:
        return


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        return


@pytest.fixture
def capture() -> Iterator[Capture]:
    """A capture server on a free port."""
    found = Capture()
    handler = type("Handler", (_Handler,), {"capture": found})
    with _Server(("127.0.0.1", 0), handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@dataclass
class Launch:
    """Starts programs with the agent's variables set, and ends them with the test."""

    folder: Path
    environment: dict[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def __call__(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def python(
        self, code: str, *arguments: str, run: bool = False, **environment: str
    ) -> subprocess.Popen[str]:
        """Run ``code`` in a file of its own, under ``plimsoll-run`` if ``run``."""
        program = self.folder / f"program{len(self.running) or ''}.py"
        program.write_text(code)
        command = [sys.executable, str(program), *arguments]
        if run:
            command = [sys.executable, "-c", "from plimsoll_agent.run import main; main()", *command]
        return self(*command, **environment)


@pytest.fixture
def launch(capture: Capture, tmp_path: Path) -> Iterator[Launch]:
    """Start real processes; whatever still runs at the end is killed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PLIMSOLL_", "DJANGO_"))}
    settings = {
        "PLIMSOLL_SERVICE": "shop",
        "PLIMSOLL_URL": capture.url,
        "PLIMSOLL_TOKEN": "secret",
        "PLIMSOLL_POINT_SECONDS": "0.2",
        "PLIMSOLL_PROFILE_SECONDS": "1",
        "PLIMSOLL_SAMPLER": "rss",
        "PYTHONWARNINGS": "error",
    }
    launcher = Launch(tmp_path, {**kept, **settings})
    yield launcher
    for process in launcher.running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.communicate()


def finish(process: subprocess.Popen[str], seconds: float = 60.0) -> tuple[int, str, str]:
    """Wait for the end; status, standard output, standard error."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


@pytest.fixture(name="finish")
def _finish() -> Callable[..., tuple[int, str, str]]:
    return finish
