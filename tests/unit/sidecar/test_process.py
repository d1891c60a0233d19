"""The target's process, found and watched through the real /proc."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

from plimsoll_sidecar.process import WatchedProcess, pid_of_port


def test_the_process_behind_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert pid_of_port(listener.getsockname()[1]) == os.getpid()
        port = listener.getsockname()[1]
    assert pid_of_port(port) is None


def test_a_living_process_has_columns() -> None:
    watched = WatchedProcess(os.getpid())
    columns = watched.columns()
    assert columns["rss_bytes"] > 1e6
    assert columns["fds"] > 3
    assert columns["threads"] >= 1
    assert watched.alive()
    assert watched.started_at is not None
    assert watched.started_at < time.time()
    watched.close()


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_zombie_is_dead_and_the_end_is_told() -> None:
    with sleeper() as child:
        watched = WatchedProcess(child.pid)
        assert watched.columns()["rss_bytes"] > 0
        child.kill()
        deadline = time.monotonic() + 60
        while watched.alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not watched.alive()
        kind, text = watched.why_gone()
        assert kind in {"exit", "oom"}
        assert text
    assert watched.columns() == {}


def test_gone_near_its_limit_is_out_of_memory() -> None:
    with sleeper() as child:
        watched = WatchedProcess(child.pid, memory_limit_bytes=1_000_000)
        while watched.columns()["rss_bytes"] < 1_000_000:
            time.sleep(0.01)
        child.kill()
        child.wait()
        assert watched.why_gone()[0] == "oom"
