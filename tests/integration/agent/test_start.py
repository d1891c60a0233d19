"""The agent in an ordinary program: what arrives, and how it leaves."""

from __future__ import annotations

import gzip
import time
from statistics import median

from tests.integration.agent.patience import quickest

LOOP = """
import time, plimsoll_agent
plimsoll_agent.start({arguments})
{body}
"""


def program(body: str, arguments: str = "") -> str:
    return LOOP.format(body=body, arguments=arguments)


def test_points_carry_the_waterfall_and_the_identity(capture, launch) -> None:
    launch.python(program("time.sleep(30)"), PLIMSOLL_RELEASE="v7", PLIMSOLL_LABELS="zone=a,shard=3")
    capture.wait(lambda: len(capture.points()) >= 3)
    message = capture.points()[-1]
    instance = message["instance"]
    assert instance["service"] == "shop"
    assert instance["release"] == "v7"
    assert instance["language"] == "python"
    assert instance["labels"]["zone"] == "a"
    assert instance["labels"]["shard"] == "3"
    host, pid, start = instance["key"].rsplit(":", 2)
    assert host
    assert pid == instance["labels"]["pid"]
    assert abs(int(start) - time.time()) < 30
    columns = message["points"]["columns"]
    for name in ("rss_bytes", "rss_anon_bytes", "threads", "fds", "heap_live_bytes", "pymalloc_arena_bytes",
                 "pymalloc_slack_bytes", "native_inuse_bytes", "native_free_bytes", "mmapped_bytes",
                 "gc_collections", "gc_pause_ms", "agent_cpu_seconds", "agent_rss_bytes"):  # fmt: skip
        assert name in {n for m in capture.points() for n in m["points"]["columns"]}, name
    assert 1e6 < columns["rss_bytes"][0] < 1e9
    assert capture.messages[0].headers["Authorization"] == "Bearer secret"


def test_live_heap_follows_what_the_program_keeps(capture, launch) -> None:
    body = """
time.sleep(.7)
kept = [bytes(100_000) for _ in range(300)] + [str(i) * 3 for i in range(200_000)]
time.sleep(30)
"""
    launch.python(program(body))
    first = capture.wait(lambda: [v for v in capture.column("heap_live_bytes") if v])[0]
    grown = capture.wait(lambda: [v for v in capture.column("heap_live_bytes") if v and v > first + 40e6])
    assert grown[0] < first + 80e6


def test_own_series(capture, launch) -> None:
    body = """
frame = plimsoll_agent.periodic("audio")
for i in range(400):
    plimsoll_agent.gauge("queue.length", 7)
    plimsoll_agent.counter("orders")
    with plimsoll_agent.periodic("audio"):
        time.sleep(0.002)
    time.sleep(0.008)
"""
    launch.python(program(body))
    capture.wait(lambda: len(capture.column("audio.between_ms")) >= 8)
    assert set(capture.column("queue.length")) == {7}
    calls, orders = (sum(n or 0 for n in capture.column(name)) for name in ("audio.calls", "orders"))
    assert calls >= 8
    assert abs(calls - orders) <= 1  # a point may fall between the two
    assert 1.9 < median(ms for ms in capture.column("audio.handler_ms") if ms) < 200
    assert 9.9 < median(ms for ms in capture.column("audio.between_ms") if ms) < 2000


def test_a_profile_names_the_function_that_keeps(capture, launch) -> None:
    body = """
kept = []
def remember(n):
    kept.append(bytearray(n))
for _ in range(400):
    remember(50_000)
    time.sleep(0.01)
"""
    launch.python(program(body), PLIMSOLL_SAMPLER="tracemalloc", PLIMSOLL_MODE="always")
    profile = capture.wait(capture.profiles)[0]
    assert profile.query["service"] == "shop"
    assert profile.query["instance"] in capture.instance_keys()
    raw = gzip.decompress(profile.body)
    for text in (b"remember", b"program.py", b"inuse_space", b"inuse_objects"):
        assert text in raw


def test_the_last_point_is_sent_at_exit_and_exit_is_not_held_up(capture, launch, finish) -> None:
    code = "import atexit, time\natexit.register(lambda: print(time.time()))\n"

    def leave() -> float:
        process = launch.python(code + program("time.sleep(1.1); print(time.time())"))
        status, out, err = finish(process)
        ended, left = (float(text) for text in out.split())
        assert (status, err) == (0, "")
        assert capture.points()[-1]["points"]["ts"][-1] >= ended - 0.05
        return left - ended

    assert quickest(leave, 1.2) < 1.2


def test_a_program_shorter_than_an_interval_is_never_reported(capture, launch, finish) -> None:
    process = launch.python(program("print('done')"), PLIMSOLL_POINT_SECONDS="5")
    assert finish(process) == (0, "done\n", "")
    assert capture.messages == []


def test_stop_sends_what_is_left_and_start_may_follow(capture, launch, finish) -> None:
    body = """
time.sleep(1.5); plimsoll_agent.stop(); plimsoll_agent.stop()
plimsoll_agent.counter("after.stop"); plimsoll_agent.start(service="second"); time.sleep(1.5)
"""
    status, _, err = finish(launch.python(program(body)))
    assert (status, err) == (0, "")
    assert {message["instance"]["service"] for message in capture.points()} == {"shop", "second"}


def test_bad_settings_are_named_once_and_the_program_goes_on(capture, launch, finish) -> None:
    body = "plimsoll_agent.gauge('BAD NAME', 1); plimsoll_agent.gauge('x', 'y'); time.sleep(1.5); print('on')"
    process = launch.python(program(body), PLIMSOLL_FRAMES="many", PLIMSOLL_MODE="sometimes")
    status, out, err = finish(process)
    assert (status, out) == (0, "on\n")
    assert err.count("\n") == 1
    assert "PLIMSOLL_FRAMES" in err
    assert "PLIMSOLL_MODE" in err
    assert capture.points()


def test_without_service_or_url_nothing_happens(capture, launch, finish) -> None:
    process = launch.python(program("time.sleep(.5)"), PLIMSOLL_SERVICE="", PLIMSOLL_URL="ftp://x")
    status, _, err = finish(process)
    assert status == 0
    assert "PLIMSOLL_SERVICE is not set" in err
    assert capture.messages == []


def test_disabled_by_one_variable(capture, launch, finish) -> None:
    process = launch.python(program("time.sleep(.5)"), PLIMSOLL_ENABLED="0")
    assert finish(process) == (0, "", "")
    assert capture.messages == []
