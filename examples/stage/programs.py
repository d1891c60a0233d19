"""Programs that a demonstration starts and stops: the server, services with an agent, sidecars, replays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 20.0
ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent


def free_port(preferred: int = 0) -> int:
    """Return `preferred` if nothing listens there, else a port that is free now."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on the loopback address")


@dataclass
class Program:
    """A process with its log; `echo` sends its lines to the terminal as well."""

    name: str
    command: list[str]
    log_path: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    echo: bool = False
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start (or start again) with its output in the log."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        output = subprocess.PIPE if self.echo else self.log_path.open("a")
        self.process = subprocess.Popen(
            self.command, stdout=output, stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True,
            env={**os.environ, **self.environment},
        )  # fmt: skip
        if self.echo:
            threading.Thread(target=self._echo, daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    @property
    def rss_bytes(self) -> int:
        """The resident size, 0 when the process is gone."""
        try:
            fields = Path(f"/proc/{self.process.pid if self.process else 0}/statm").read_text().split()
        except OSError:
            return 0
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        """Ask the process to end, then make it."""
        if self.process is None or not self.running:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def kill(self) -> None:
        """End the process as the kernel does when memory runs out."""
        if self.process is not None and self.running:
            self.process.kill()
            self.process.wait()

    def _echo(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        with self.log_path.open("a") as log:
            for line in self.process.stdout:
                log.write(line)
                if line.startswith("plimsoll:"):
                    print("  " + line, end="", flush=True)


def server(environment: Mapping[str, str], log_folder: Path) -> Program:
    """Return the whole server: web, worker, scheduler, PostgreSQL and Redis."""
    command = [sys.executable, "manage.py", "serve"]
    return Program("server", command, log_folder / "server.log", environment, echo=True)


def python_service(
    name: str, module: str, arguments: list[str], environment: Mapping[str, str], log_folder: Path
) -> Program:
    """Return a Python program with the agent put into it from outside."""
    command = [str(SCRIPTS / "plimsoll-run"), sys.executable, "-m", module, *arguments]
    return Program(name, command, log_folder / f"{name}.log", {**environment, "PLIMSOLL_SERVICE": name})


def replay(recording: str, agent: Mapping[str, str], log_folder: Path, *options: str) -> Program:
    """Return the replay of a recording through the server's own door."""
    return sidecar(
        f"replay of {recording}", ["replay", f"examples/traces/{recording}", *options], agent, log_folder
    )


def sidecar(name: str, arguments: list[str], agent: Mapping[str, str], log_folder: Path) -> Program:
    """Return a sidecar that sends to the server named in `agent`."""
    server_options = ["--url", agent["PLIMSOLL_URL"], "--token", agent["PLIMSOLL_TOKEN"]]
    command = [str(SCRIPTS / "plimsoll-sidecar"), *arguments, *server_options]
    return Program(name, command, log_folder / f"{name.replace(' ', '-')}.log")
