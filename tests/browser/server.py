"""A whole server for the browser tests: gunicorn, PostgreSQL and Redis of its own, filled with recordings."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from profiler_server.config import embedded
from profiler_server.config.supervisor import answers

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
SEED_SECONDS = 240.0


@dataclass(frozen=True)
class RunningServer:
    """A server that answers at `url`; `environment` reaches its database from another process."""

    url: str
    environment: dict[str, str]

    def seed(self, what: str) -> None:
        """Run `tests.browser.seed` against it."""
        command = [sys.executable, "-m", "tests.browser.seed", what]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            timeout=SEED_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"Seeding failed:\n{done.stderr[-4000:]}")


@contextmanager
def running_server(what: str, *, smtp_port: int = 9) -> Iterator[RunningServer]:
    """Start a server filled with `what` (quick or all) and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-browser-") as folder:
        port = free_port()
        environment = os.environ | {
            "PLIMSOLL_DATA_DIR": folder, "PLIMSOLL_BIND": f"127.0.0.1:{port}", "PLIMSOLL_WEB_WORKERS": "1",
            "PLIMSOLL_BASE_URL": f"http://127.0.0.1:{port}", "PLIMSOLL_SMTP_HOST": "127.0.0.1",
            "PLIMSOLL_SMTP_PORT": str(smtp_port), "DJANGO_SETTINGS_MODULE": "profiler_server.config.settings",
        }  # fmt: skip
        server = RunningServer(f"http://127.0.0.1:{port}", environment)
        redis = None if environment.get("REDIS_URL") else embedded.start_redis(Path(folder))
        try:
            server.seed(what)
            with _gunicorn(server, Path(folder)):
                yield server
        finally:
            if redis is not None:
                redis.send_signal(signal.SIGTERM)
                redis.wait(10)


@contextmanager
def _gunicorn(server: RunningServer, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "-c", "python:profiler_server.config.gunicorn",
               "profiler_server.config.wsgi:application"]  # fmt: skip
    log_path = folder / "web.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"{server.url}/login/"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server did not start:\n{log_path.read_text()[-4000:]}")
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
