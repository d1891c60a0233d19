"""Forked and spawned children: each is an instance of its own, and the fork is not disturbed."""

from __future__ import annotations

import sys

import pytest

FORK = """
import os, sys, time, warnings, plimsoll_agent
plimsoll_agent.start()
plimsoll_agent.counter("before", 5)
time.sleep({wait})
pid = os.fork()
if pid == 0:
    plimsoll_agent.counter("child", 1)
    time.sleep(3)
    os._exit(0)
os.waitpid(pid, 0)
"""


def by_pid(capture) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for message in capture.points():
        found.setdefault(message["instance"]["labels"]["pid"], []).append(message)
    return found


@pytest.mark.parametrize("wait", [0.0, 0.5], ids=["before the first point", "while measuring"])
def test_a_forked_child_is_an_instance_of_its_own(capture, launch, finish, wait) -> None:
    status, _, err = finish(launch.python(FORK.format(wait=wait)))
    assert (status, err) == (0, "")
    lives = by_pid(capture)
    assert len(lives) == 2
    assert len(capture.instance_keys()) == 2
    parent, child = sorted(
        lives.values(), key=lambda messages: "parent_pid" in messages[0]["instance"]["labels"]
    )
    assert child[0]["instance"]["labels"]["parent_pid"] == parent[0]["instance"]["labels"]["pid"]
    assert child[0]["instance"]["started_at"] >= parent[0]["instance"]["started_at"]
    names = {name for message in child for name in message["points"]["columns"]}
    assert "child" in names
    assert "before" not in names
    assert "before" in {name for message in parent for name in message["points"]["columns"]}
    assert len(parent) >= 4
    assert len(child) >= 3


def test_no_warning_of_forking_with_threads(capture, launch, finish) -> None:
    """Python 3.12 and later warn (here: fail) when a process forks while other threads live."""
    code = FORK.format(wait=0.3) + "\nprint(len(os.listdir('/proc/self/task')))\n"
    status, out, err = finish(launch.python(code))
    assert (status, err) == (0, "")
    assert out == "2\n"


def test_a_hundred_forks_that_end_at_once(capture, launch, finish) -> None:
    code = """
import os, time, plimsoll_agent
plimsoll_agent.start()
time.sleep(.3)
began = time.perf_counter()
for _ in range(100):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
print(time.perf_counter() - began)
time.sleep(.5)
"""
    status, out, err = finish(launch.python(code))
    assert (status, err) == (0, "")
    assert float(out) < 30.0  # seconds; 100 forks that each wait for a point would take longer
    assert len(by_pid(capture)) == 1


def test_a_fork_that_python_is_not_told_of(capture, launch, finish) -> None:
    """As uWSGI does it: the child notices by its process number when it first counts something."""
    code = """
import ctypes, os, time, plimsoll_agent
plimsoll_agent.start()
time.sleep(.3)
pid = ctypes.pythonapi.fork() if hasattr(ctypes.pythonapi, "fork") else ctypes.PyDLL(None).fork()
end = time.monotonic() + 2.5
while time.monotonic() < end:
    plimsoll_agent.counter("child" if pid == 0 else "parent")
    time.sleep(.01)
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
"""
    status, _, err = finish(launch.python(code))
    assert (status, err) == (0, "")
    assert len(capture.instance_keys()) == 2
    sums = {name: sum(n or 0 for n in capture.column(name)) for name in ("child", "parent")}
    assert all(10 <= count <= 255 for count in sums.values()), sums


MULTIPROCESSING = """
import multiprocessing, sys, time, plimsoll_agent

def work(n):
    time.sleep(1.0)
    plimsoll_agent.counter("worked", n)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work, args=(3,)) for _ in range(2)]
    [child.start() for child in children]
    [child.join() for child in children]
    print([child.exitcode for child in children])
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(capture, launch, finish, method) -> None:
    """The last words of the children are heard, too; the fork server and the tracker are no instances."""
    status, out, err = finish(launch.python(MULTIPROCESSING, method, run=True))
    assert (status, out, err) == (0, "[0, 0]\n", "")
    lives = by_pid(capture)
    assert len(lives) == 3
    worked = [m for m in capture.points() if "worked" in m["points"]["columns"]]
    assert len({m["instance"]["key"] for m in worked}) == 2


GUNICORN_APP = """
import sys, time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/boom":
        raise ValueError("boom")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.mark.parametrize(
    "options",
    [["-k", "sync"], ["-k", "gthread", "--threads", "4"], ["-k", "sync", "--preload"], ["-k", "gevent"]],
    ids=["sync", "gthread", "preload", "gevent"],
)
def test_gunicorn(capture, launch, options, tmp_path) -> None:
    """The master and two workers are three instances; the workers count every request, once."""
    (tmp_path / "site_app.py").write_text(GUNICORN_APP)
    socket_path = tmp_path / "g.sock"
    process = launch(
        sys.executable, "-c", "from plimsoll_agent.run import main; main()",
        sys.executable, "-m", "gunicorn", "-w", "2", "-b", f"unix:{socket_path}", "--no-control-socket",
        *options, "site_app:app",
        PYTHONWARNINGS="default",
    )  # fmt: skip
    capture.wait(lambda: len(by_pid(capture)) == 3)
    for number in range(40):
        status = get(str(socket_path), "/boom" if number % 10 == 0 else "/")
        assert status == (500 if number % 10 == 0 else 200)
    capture.wait(lambda: sum(capture.column("requests")) >= 40)
    assert sum(capture.column("requests")) == 40
    assert sum(capture.column("errors")) == 4
    assert len({m["instance"]["key"] for m in capture.points() if "requests" in m["points"]["columns"]}) <= 2
    process.terminate()
    if "gevent" in options:  # its workers do not always hear a signal, with or without an agent
        process.kill()
    _, err = process.communicate(timeout=60)
    assert "plimsoll_agent:" not in err
    assert process.returncode == (-9 if "gevent" in options else 0)


def get(path: str, target: str) -> int:
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(path)
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return int(answer.split(b" ", 2)[1])
