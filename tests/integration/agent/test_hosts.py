"""Hosts of every kind: frameworks, task queues, event loops, locked-down and careless programs."""

from __future__ import annotations

import sys
import time

import pytest

SERVE = """
import sys, threading, time, urllib.request, urllib.error

def ask(port, path):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read()
    except urllib.error.HTTPError as problem:
        problem.close()

def drive(port):
    for _ in range(100):
        try:
            ask(port, "/")
            break
        except OSError:
            time.sleep(0.05)
    for _ in range(9):
        ask(port, "/")
    for _ in range(2):
        ask(port, "/boom")
    print("driven", flush=True)
    time.sleep(20)

def wsgi(app):
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    class Quiet(WSGIRequestHandler):
        def log_message(self, *_): pass
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    drive(server.server_port)

def asgi(app):
    import socket, uvicorn
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    threading.Thread(target=drive, args=(listener.getsockname()[1],), daemon=True).start()
    server.run(sockets=[listener])
"""

FLASK = """
import flask
app = flask.Flask("shop")
@app.get("/")
def home(): return "ok"
@app.get("/boom")
def boom(): flask.abort(503)
wsgi(app)
"""

DJANGO = """
import django
from django.conf import settings
settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None)
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda r: HttpResponse("ok")), path("boom", lambda r: HttpResponse("no", status=500))]
from django.core.{kind} import get_{kind}_application
{kind}(get_{kind}_application())
"""

FASTAPI = """
import fastapi
app = fastapi.FastAPI()
@app.get("/")
async def home(): return "ok"
@app.get("/boom")
async def boom(): raise fastapi.HTTPException(500)
asgi(app)
"""

STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def home(request): return PlainTextResponse("ok")
async def boom(request): return PlainTextResponse("no", status_code=500)
asgi(Starlette(routes=[Route("/", home), Route("/boom", boom)]))
"""

PLAIN_WSGI = """
def app(environ, start_response):
    start_response("500 no" if environ["PATH_INFO"] == "/boom" else "200 OK", [])
    yield b"ok"
wsgi(app)
"""

PLAIN_ASGI = """
async def app(scope, receive, send):
    status = 500 if scope["path"] == "/boom" else 200
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
asgi(app)
"""


@pytest.mark.parametrize(
    "program",
    [
        FLASK,
        DJANGO.format(kind="wsgi"),
        DJANGO.format(kind="asgi"),
        FASTAPI,
        STARLETTE,
        PLAIN_WSGI,
        PLAIN_ASGI,
    ],
    ids=["flask", "django-wsgi", "django-asgi", "fastapi", "starlette", "wsgiref", "uvicorn"],
)
def test_load_is_counted_without_a_change_to_the_program(capture, launch, program) -> None:
    """Twelve requests, two of them errors, though server and framework are both instrumented."""
    launch.python(SERVE + program, run=True, PYTHONWARNINGS="ignore")
    capture.wait(lambda: sum(capture.column("requests")) >= 12)
    assert sum(capture.column("requests")) == 12
    assert sum(capture.column("errors")) == 2
    assert all(0 < ms < 5000 for ms in capture.column("p99_ms") if ms is not None)


GRPC = """
import time
from concurrent import futures
import grpc
def behaviour(request, context):
    if request == b"boom":
        raise ValueError("boom")
    return request
def stream(request, context):
    yield request
    yield request
rows = {"Unary": grpc.unary_unary_rpc_method_handler(behaviour),
        "Stream": grpc.unary_stream_rpc_method_handler(stream)}
server = grpc.server(futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop", rows)])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    call = channel.unary_unary("/shop/Unary")
    for _ in range(5):
        assert call(b"x", timeout=10) == b"x"
    try:
        call(b"boom", timeout=10)
    except grpc.RpcError:
        pass
    assert list(channel.unary_stream("/shop/Stream")(b"y", timeout=10)) == [b"y", b"y"]
time.sleep(20)
"""


GRPC_AIO = """
import asyncio, grpc
async def behaviour(request, context):
    if request == b"boom":
        raise ValueError("boom")
    return request
async def main():
    rows = {"Unary": grpc.unary_unary_rpc_method_handler(behaviour)}
    server = grpc.aio.server(None, None, [])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop", rows)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/shop/Unary")
        for _ in range(6):
            assert await call(b"x", timeout=10) == b"x"
        try:
            await call(b"boom", timeout=10)
        except grpc.RpcError:
            pass
    await asyncio.sleep(20)
asyncio.run(main())
"""


@pytest.mark.parametrize("program", [GRPC, GRPC_AIO], ids=["threads", "asyncio"])
def test_grpc_calls_are_counted(capture, launch, program) -> None:
    launch.python(program, run=True, PYTHONWARNINGS="ignore")
    capture.wait(lambda: sum(capture.column("requests")) >= 7)
    assert sum(capture.column("requests")) == 7
    assert sum(capture.column("errors")) == 1


CELERY = """
import sys
from celery import Celery
app = Celery("shop", broker="filesystem://", backend="cache+memory://")
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue",
                                     "control_folder": "control"}
app.conf.worker_hijack_root_logger = False
@app.task
def work(n):
    if n == 0:
        raise ValueError("no")
    return n
if __name__ == "__main__":
    if sys.argv[1] == "send":
        for n in range(10):
            work.delay(n)
    else:
        app.worker_main(["worker", "--concurrency=2", "--pool=prefork", "-l", "CRITICAL", "--without-mingle"])
"""


def test_celery_prefork(capture, launch, finish, tmp_path) -> None:
    """The worker and its two children are instances; the tasks are counted where they run."""
    (tmp_path / "queue").mkdir()
    (tmp_path / "control").mkdir()
    assert finish(launch.python(CELERY, "send", PLIMSOLL_ENABLED="0", PYTHONWARNINGS="ignore"))[0] == 0
    worker = launch.python(CELERY, "work", run=True, PYTHONWARNINGS="ignore")
    capture.wait(lambda: sum(capture.column("requests")) >= 10, seconds=90)
    assert sum(capture.column("requests")) == 10
    assert sum(capture.column("errors")) == 1
    capture.wait(lambda: len(capture.instance_keys()) == 3)
    worker.terminate()
    _, err = worker.communicate(timeout=60)
    assert "plimsoll_agent" not in err


GEVENT = """
import plimsoll_agent, sys
if "early" in sys.argv:
    plimsoll_agent.start()
from gevent import monkey
monkey.patch_all()
import gevent, time
plimsoll_agent.start() if "early" not in sys.argv else None
def ticker():
    global worst
    worst = 0.0
    for _ in range(400):
        began = time.perf_counter()
        gevent.sleep(0.01)
        worst = max(worst, time.perf_counter() - began)
gevent.joinall([gevent.spawn(ticker) for _ in range(20)])
time.sleep(.5)
import gc
from gevent.hub import Hub
print("ok", sum(isinstance(thing, Hub) for thing in gc.get_objects()))
"""


@pytest.mark.parametrize("when", ["early", "late"])
def test_gevent_keeps_the_agent_a_real_thread(capture, launch, finish, when) -> None:
    capture.answer = lambda handler: time.sleep(0.3)
    status, out, err = finish(launch.python(GEVENT, when, PYTHONWARNINGS="default"))
    assert (status, out) == (0, "ok 1\n")
    assert "onkey" not in err
    assert len(capture.messages) >= 2


ASYNCIO = """
import asyncio, plimsoll_agent, time
plimsoll_agent.start()
@plimsoll_agent.request()
async def handle(n):
    await asyncio.sleep(0.01)
    if n == 3:
        raise ValueError
@plimsoll_agent.periodic("tick")
async def tick():
    await asyncio.sleep(0.005)
async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # a busy machine is not to be told of
    await asyncio.gather(*(handle(n) for n in range(20)), return_exceptions=True)
    for _ in range(60):
        await tick()
asyncio.run(main(), debug=True)
time.sleep(.3)
"""


def test_asyncio(capture, launch, finish) -> None:
    status, _, err = finish(launch.python(ASYNCIO))
    assert (status, err) == (0, "")
    assert sum(capture.column("requests")) == 20
    assert sum(capture.column("errors")) == 1
    assert sum(capture.column("tick.calls")) == 60


LOCKED = """
import os, sys, time
def forbid(event, arguments):
    path = arguments[0] if event in {"open", "os.scandir", "os.listdir"} else ""
    text = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    if text.startswith(("/proc", "/sys")):
        raise PermissionError(13, "hidden")
    writes = event == "open" and len(arguments) > 2 and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in {"os.mkdir", "os.rename", "os.remove"}:
        raise OSError(30, "read-only")
sys.addaudithook(forbid)
import plimsoll_agent
plimsoll_agent.start()
time.sleep(2)
"""


def test_hidden_proc_and_read_only_disk(capture, launch, finish, tmp_path) -> None:
    """Counters that need neither still arrive, and the spool stays in memory."""
    process = launch.python(LOCKED, PLIMSOLL_SPOOL_DIR=str(tmp_path / "spool"), PLIMSOLL_SAMPLER="auto")
    status, _, err = finish(process)
    assert (status, err) == (0, "")
    assert capture.column("rss_bytes") == []
    assert capture.column("native_inuse_bytes")
    assert capture.column("gc_collections")
    assert not (tmp_path / "spool").exists()


CARELESS = """
import os, time, plimsoll_agent
plimsoll_agent.start()
time.sleep(1.5)
os.closerange(3, 64)
kept = [open("/dev/zero", "rb") for _ in range(40)]
numbers = {file.fileno() for file in kept}
time.sleep(1.5)
plimsoll_agent.stop()
assert all(file.read(1) == b"\\0" for file in kept), "the agent closed what is not its own"
"""


def test_a_program_that_closes_every_descriptor(capture, launch, finish) -> None:
    """The numbers of the agent's files now belong to the program: they are neither read nor closed."""
    status, _, err = finish(launch.python(CARELESS, PYTHONWARNINGS="default"))
    assert (status, err.count("Error")) == (0, 0), err
    values = capture.column("rss_bytes")
    assert len(values) >= 4
    assert min(values) > 1e6


NOISE = """
import plimsoll_agent, threading, signal, time
plimsoll_agent.start()
def handler(*_):
    plimsoll_agent.counter("signals")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
class Dies:
    def __del__(self):
        plimsoll_agent.counter("deaths")
def churn():
    for _ in range(3000):
        plimsoll_agent.counter("work")
        Dies()
threads = [threading.Thread(target=churn) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
end = time.monotonic() + .5
while time.monotonic() < end:
    plimsoll_agent.gauge("x", 1)
signal.setitimer(signal.ITIMER_REAL, 0)
time.sleep(.3)
"""


def test_counting_from_signals_destructors_and_threads_at_once(capture, launch, finish) -> None:
    status, _, err = finish(launch.python(NOISE))
    assert (status, err) == (0, "")
    assert sum(capture.column("work")) == 12_000
    assert sum(capture.column("deaths")) == 12_000
    assert sum(capture.column("signals")) > 50


def test_plimsoll_run_becomes_the_program(capture, launch, finish) -> None:
    run = [sys.executable, "-c", "from plimsoll_agent.run import main; main()"]
    own = "import os, sys; print(os.environ['PLIMSOLL_SERVICE'], sys.argv[1:]); sys.exit(3)"
    process = launch(*run, "--service", "other", "--", sys.executable, "-c", own, "--flag", "x")
    assert finish(process)[:2] == (3, "other ['--flag', 'x']\n")
    missing = launch(*run, "no-such-program")
    assert finish(missing)[0] == 127


def test_plimsoll_run_lets_the_next_sitecustomize_run(capture, launch, finish, tmp_path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('the other one')")
    status, out, _ = finish(launch.python("print('program')", run=True, PYTHONPATH=str(tmp_path)))
    assert status == 0
    assert out.endswith("the other one\nprogram\n")
