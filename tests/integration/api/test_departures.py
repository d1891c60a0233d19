"""A query ends in PostgreSQL soon after its client has gone: a real gunicorn, a real connection that is closed."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from profiler_server.storage.consistent import DEFAULT_TIMEOUT_SECONDS
from tests.integration.api.shelf import Shelf

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 60.0
WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%profiles_hot%'"
)


@pytest.fixture
def port(shelf: Shelf, tmp_path: Path) -> Iterator[int]:
    """A gunicorn of one worker on the tests' database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    known = connection.get_connection_params()
    host = quote(str(known["host"]), safe="")
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{known['user']}@{host}/{known['dbname']}",
        "PLIMSOLL_BIND": f"127.0.0.1:{number}",
        "PLIMSOLL_WEB_WORKERS": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:profiler_server.config.gunicorn",
               "profiler_server.config.wsgi:application"]  # fmt: skip
    log = tmp_path / "web.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        assert eventually(lambda: server.poll() is not None or listens(number), START_SECONDS)
        assert server.poll() is None, log.read_text()
        yield number
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(is_so: Callable[[], bool], seconds: float) -> bool:
    """Return whether it becomes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_query_ends_when_its_client_goes_away(shelf: Shelf, port: int) -> None:
    headers = {"Authorization": f"Bearer {shelf.token}"}
    question = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "127.0.0.1", **headers}.items())

    def waiting() -> int:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            return int(cursor.fetchone()[0])

    with psycopg.connect(**connection.get_connection_params()) as blocker:
        blocker.execute("LOCK TABLE profiles_hot IN ACCESS EXCLUSIVE MODE")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"GET {shelf.path('top')} HTTP/1.1\r\n{question}\r\n".encode())
            assert eventually(lambda: waiting() == 1, START_SECONDS)
        assert eventually(lambda: waiting() == 0, DEFAULT_TIMEOUT_SECONDS * 0.75)  # long before its timeout
        blocker.rollback()
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    other.request("GET", shelf.path("top"), headers=headers)
    assert other.getresponse().status == 200
    other.close()
