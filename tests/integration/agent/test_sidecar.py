"""The sidecar as a real process: watching a target that speaks Go's pages, and replaying a recording."""

from __future__ import annotations

import gzip
import json
import signal
import sys
import time
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "sidecar"
TARGET = """
import http.server, os, pathlib, sys
golden = pathlib.Path(sys.argv[1])
served = 0
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global served
        served += 10
        page = self.path.partition("?")[0]
        if page == "/die":
            os._exit(1)
        bodies = {
            "/debug/pprof/heap": b"\\x1f\\x8b untouched \\x00\\xff",
            "/metrics": b'http_requests_total{code="200"} %d\\ngo_goroutines 12\\n' % served,
        }
        if "debug=1" in self.path and page.endswith("heap"):
            bodies[page] = (golden / "heap_debug1.txt").read_bytes()
        if "--vars" in sys.argv:
            bodies["/debug/vars"] = (golden / "vars.json").read_bytes()
        body = bodies.get(page)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")
    def log_message(self, *_): pass
class Server(http.server.HTTPServer):
    allow_reuse_address = True
server = Server(("127.0.0.1", int(sys.argv[2])), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def start_target(launch, port: str = "0", *options: str):
    process = launch.python(TARGET, str(GOLDEN), port, *options, PYTHONWARNINGS="default")
    return process, process.stdout.readline().strip()


def scrape(launch, *arguments: str):
    return launch(
        sys.executable, "-m", "plimsoll_sidecar.cli", "scrape", "--point-seconds", "0.2", "--profile-seconds", "0.5",
        *arguments,
    )  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--vars"]], ids=["footer", "expvar"])
def test_a_go_target_is_watched(capture, launch, options) -> None:
    process, port = start_target(launch, "0", *options)
    sidecar = scrape(
        launch, "--target", f"http://127.0.0.1:{port}/debug/pprof", "--service", "market-store",
        "--requests-metric", 'http_requests_total{code="200"}', "--release", "v9", "--label", "zone=a",
    )  # fmt: skip
    capture.wait(lambda: len(capture.profiles()) >= 2 and len(capture.column("requests")) >= 3)
    instance = capture.points()[0]["instance"]
    assert instance["service"] == "market-store"
    assert instance["release"] == "v9"
    assert instance["language"] == "go"
    assert instance["labels"]["zone"] == "a"
    assert instance["key"].split(":")[1] == str(process.pid)
    assert all(profile.body == b"\x1f\x8b untouched \x00\xff" for profile in capture.profiles())
    assert capture.profiles()[0].query["instance"] == instance["key"]
    assert capture.column("heap_inuse_bytes")[0] > 20e6
    assert capture.column("goroutines")[0] == 12
    assert capture.column("rss_bytes")[0] > 1e6
    assert all(0 < count <= 200 for count in capture.column("requests"))
    sidecar.send_signal(signal.SIGTERM)
    _, err = sidecar.communicate(timeout=60)
    assert sidecar.returncode == 0
    assert "Traceback" not in err


def markers(capture) -> list[str]:
    return [marker["kind"] for message in capture.points() for marker in message["markers"]]


def test_the_end_and_the_new_beginning_of_a_target(capture, launch) -> None:
    process, port = start_target(launch)
    scrape(launch, "--target", f"http://127.0.0.1:{port}/debug/pprof", "--service", "s")
    capture.wait(lambda: len(capture.points()) >= 2)
    process.kill()
    capture.wait(lambda: markers(capture) in (["exit"], ["oom"]))
    process.wait()
    time.sleep(1.1)
    start_target(launch, port)
    capture.wait(lambda: markers(capture)[1:] == ["restart"] and len(capture.instance_keys()) == 2)


def test_many_targets_from_a_file(capture, launch, tmp_path) -> None:
    rows = []
    for name in ("one", "two", "three"):
        _, port = start_target(launch)
        rows.append({"url": f"http://127.0.0.1:{port}/debug/pprof", "service": name, "point_seconds": 0.2})
    rows.append({"url": "http://127.0.0.1:9/debug/pprof", "service": "down"})
    config = tmp_path / "targets.json"
    config.write_text(json.dumps({"url": capture.url, "token": "from-file", "target": rows}))
    launch(
        sys.executable,
        "-m",
        "plimsoll_sidecar.cli",
        "scrape",
        "--config",
        str(config),
        PLIMSOLL_URL="http://127.0.0.1:9",
    )
    capture.wait(lambda: {m["instance"]["service"] for m in capture.points()} == {"one", "two", "three"})
    assert capture.messages[0].headers["Authorization"] == "Bearer from-file"


def a_trace(folder: Path, rows: int) -> Path:
    (folder / "profiles" / "web-1").mkdir(parents=True)
    head = {"name": "t", "service": "svc", "language": "go", "interval_s": 60, "memory_limit_bytes": 1000}
    marks = [{"ts": 1000 + 60 * (rows // 2), "kind": "deploy", "version": "v2"}]
    (folder / "meta.json").write_text(json.dumps({**head, "markers": marks}))
    lines = ["ts,instance,started_at,version,rss_bytes,requests"]
    for n in range(rows):
        release = "v1" if n < rows // 2 else "v2"
        lines.append(f"{1000 + 60 * n},web-1,940,{release},{n},5")
        lines.append(f"{1000 + 60 * n},web-2,940,v1,{n * 2},")
    (folder / "series.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    for n in range(0, rows, rows // 4):
        (folder / "profiles" / "web-1" / f"{1000 + 60 * n}.pb.gz").write_bytes(b"pprof %d" % n)
    return folder


def replay(launch, *arguments: str):
    return launch(sys.executable, "-m", "plimsoll_sidecar.cli", "replay", *arguments)


def test_a_replay_arrives_whole_in_order_and_ends_now(capture, launch, finish, tmp_path) -> None:
    status, _, err = finish(replay(launch, str(a_trace(tmp_path / "t", 1200)), "--service", "feature-store"))
    assert status == 0
    assert "100%" in err
    assert "2,400 points, 4 profiles sent as feature-store" in err
    points = [(m["instance"], ts) for m in capture.points() for ts in m["points"]["ts"]]
    assert len(points) == 2400
    assert all(len(m["points"]["ts"]) <= 500 for m in capture.points())
    assert abs(max(ts for _, ts in points) - time.time()) < 60
    for name in ("web-1", "web-2"):
        own = [ts for instance, ts in points if instance["key"].startswith(name)]
        assert own == sorted(own)
    assert {instance["release"] for instance, _ in points} == {"v1", "v2"}
    assert {instance["memory_limit_bytes"] for instance, _ in points} == {1000}
    assert markers(capture) == ["deploy"]
    assert [profile.body for profile in capture.profiles()] == [b"pprof %d" % n for n in range(0, 1200, 300)]
    shift = max(ts for _, ts in points) - (1000 + 60 * 1199)
    assert {float(p.query["ts"]) - shift for p in capture.profiles()} == {
        1000.0 + 60 * n for n in range(0, 1200, 300)
    }
    assert {instance["key"] for instance, _ in points} == {f"web-{n}:{int(940 + shift)}" for n in (1, 2)}


def test_a_replay_at_speed_keeps_its_own_clock(capture, launch, finish, tmp_path) -> None:
    began = time.time()
    status, _, _ = finish(replay(launch, str(a_trace(tmp_path / "t", 8)), "--speed", "210"))
    assert status == 0
    assert 1.5 < time.time() - began < 100
    stamps = [ts for m in capture.points() for ts in m["points"]["ts"]]
    assert len(stamps) == 16
    assert max(stamps) <= time.time() + 1
    assert max(stamps) - min(stamps) == 420
    assert capture.messages[-1].at - capture.messages[0].at > 1.0


def test_a_replay_waits_for_a_busy_server_and_gives_up_on_a_refusal(
    capture, launch, finish, tmp_path
) -> None:
    folder = str(a_trace(tmp_path / "t", 8))
    capture.status = 503
    process = replay(launch, folder)
    capture.wait(lambda: len(capture.messages) >= 2)
    capture.status = 200
    assert finish(process)[0] == 0
    capture.status, capture.body = 403, b'{"error":{"code":"access_denied","message":"no such token"}}'
    status, _, err = finish(replay(launch, folder))
    assert status == 1
    assert "no such token" in err
