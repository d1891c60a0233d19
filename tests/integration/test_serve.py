"""`manage.py serve` on an empty folder: up, and down again with everything that it started."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UP_SECONDS = 120.0
DOWN_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_everything_comes_up_and_goes_down_with_it(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PLIMSOLL_", "DATABASE_URL", "REDIS_URL"))
    } | {
        "PLIMSOLL_DATA_DIR": str(tmp_path),
        "PLIMSOLL_BIND": address,
        "PLIMSOLL_BASE_URL": f"http://{address}",
    }
    log = tmp_path / "serve.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + UP_SECONDS
        while "ready:" not in log.read_text() and time.monotonic() < deadline:
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
        with urllib.request.urlopen(f"http://{address}/login/", timeout=10) as answer:
            assert answer.status == 200
        postgres = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(children) >= 4  # Redis, web, worker, scheduler
        assert is_alive(postgres)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(DOWN_SECONDS)
    assert server.returncode == 0, log.read_text()
    assert not is_alive(postgres)
    assert [pid for pid in children if is_alive(int(pid))] == []
