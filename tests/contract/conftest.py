"""The real server on a real port, with a project and a token, for the real agents to talk to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache

from profiler_server.accounts.actions.create_token import create_token
from profiler_server.accounts.models import Project
from profiler_server.analysis.actions.deliver_commands import WAITING
from profiler_server.catalog.actions.observe_instance import forget_instances
from profiler_server.config import embedded
from profiler_server.ingest.rates import RATES
from profiler_server.ingest.tokens import GRANTS


@pytest.fixture(scope="session")
def redis_server() -> Iterator[None]:
    """The embedded Redis, unless the environment names one."""
    if settings.ENV.redis_url:
        yield
        return
    process = embedded.start_redis(settings.ENV.data_dir)
    yield
    process.terminate()
    process.wait(10)


@dataclass
class Server:
    """Where the server listens, and the project that the agents send to."""

    url: str
    project: Project
    token: str
    folder: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def launch(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a real process that is told of the server by the environment."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PLIMSOLL_", "DJANGO_"))
        }
        told = {"PLIMSOLL_URL": self.url, "PLIMSOLL_TOKEN": self.token, "PLIMSOLL_SERVICE": "shop"}
        process = subprocess.Popen(
            [sys.executable, *command], cwd=self.folder, env={**kept, **told, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.running.append(process)
        return process

    def wait(self, condition: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Wait until the condition holds; its value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"not seen within {seconds} s")


@pytest.fixture
def server(redis_server: None, live_server: Any, tmp_path: Path) -> Iterator[Server]:
    """A server with an empty database."""
    _forget()
    project = Project.objects.create(name="Shop", slug="shop")
    _, secret = create_token(project, "agents")
    found = Server(live_server.url, project, secret, tmp_path)
    yield found
    for process in found.running:
        process.kill()
        process.communicate()
    _forget()


def _forget() -> None:
    cache.clear()
    GRANTS.clear()
    RATES.clear()
    WAITING.forget()
    forget_instances()
