"""Starts the server's processes in order, keeps them running and stops them all."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from profiler_server.config import embedded
from profiler_server.config.env import Env

logger = logging.getLogger(__name__)

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
RESTARTS_AT_MOST = 5
POLL_SECONDS = 0.5

Say = Callable[[str], None]


class StartFailed(Exception):
    """A process of the server did not come up; the message says which and where its log is."""


@dataclass
class Child:
    """One process that is kept running."""

    name: str
    command: Sequence[str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0

    def start(self) -> None:
        """Start the process; its output goes to its log, and the terminal's Ctrl-C does not reach it."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None


@dataclass
class Supervisor:
    """The web server, the worker and the scheduler, with the embedded Redis where no other is named."""

    env: Env
    say: Say
    children: list[Child] = field(default_factory=list)
    redis: subprocess.Popen[bytes] | None = None
    stopping: bool = False

    def start_servers(self) -> None:
        """Start what the server itself needs; PostgreSQL starts at the first connection."""
        if not self.env.redis_url:
            self.redis = embedded.start_redis(self.env.data_dir)
            self.say("Redis is up (embedded)")

    def start_processes(self) -> None:
        """Start the web server, the worker and the scheduler and wait until the first answers."""
        logs = self.env.data_dir / "log"
        logs.mkdir(parents=True, exist_ok=True)
        for name, command in commands(self.env).items():
            child = Child(name, command, logs / f"{name}.log")
            child.start()
            self.children.append(child)
        self._wait_for_web()
        self.say(f"web server is up on http://{self.env.bind}, worker and scheduler are started")

    def watch(self) -> None:
        """Restart what dies, until `stop` is asked for or one process died `RESTARTS_AT_MOST` times."""
        while not self.stopping:
            for child in self.children:
                if not child.running:
                    self._restart(child)
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop every process that was started, the ones that write first."""
        self.stopping = True
        processes = [child.process for child in self.children if child.process is not None]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        _wait_or_kill(processes)
        if self.redis is not None:
            self.redis.send_signal(signal.SIGTERM)
            _wait_or_kill([self.redis])
        if not self.env.database_url:
            embedded.stop_postgres(self.env.data_dir)

    def _restart(self, child: Child) -> None:
        if child.restarts >= RESTARTS_AT_MOST:
            raise StartFailed(f"{child.name} keeps dying; see {child.log_path}")
        child.restarts += 1
        logger.warning("%s died and is started again; see %s", child.name, child.log_path)
        child.start()

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            for child in self.children:
                if not child.running:
                    raise StartFailed(f"{child.name} did not start; see {child.log_path}")
            if answers(f"http://{self.env.bind}/login/"):
                return
            time.sleep(POLL_SECONDS)
        raise StartFailed(f"The web server did not answer within {READY_SECONDS:.0f} s.")


def commands(env: Env) -> dict[str, list[str]]:
    """Return the command line of each process by its name."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "profiler_server.config.celery"]
    return {
        "web": [python, "-m", "gunicorn", "-c", "python:profiler_server.config.gunicorn",
                "profiler_server.config.wsgi:application"],
        "worker": [*celery, "worker", "--loglevel", "INFO", "--concurrency", str(env.task_workers),
                   "--without-gossip", "--without-mingle"],
        "scheduler": [*celery, "beat", "--loglevel", "INFO", "--schedule", str(env.data_dir / "beat-schedule")],
    }  # fmt: skip


def answers(url: str) -> bool:
    """Return whether an HTTP server answers at `url`, with whatever status."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _wait_or_kill(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
