"""The real agents and the real server: what one measured, the other can show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from profiler_server.analysis.actions.request_command import CommandRequest, request_command
from profiler_server.analysis.models import CommandKind, HolderReport
from profiler_server.catalog.models import Instance, Marker
from profiler_server.profiles.queries import ProfileSelection, snapshots, top
from profiler_server.series.queries import read_series

EXAMPLES = Path(__file__).parents[2] / "examples" / "traces"
LEAK = """
import time, plimsoll_agent
plimsoll_agent.start()
RESULTS = {}
def remember(n):
    RESULTS[n] = bytearray(60_000)
for n in range(100_000):
    with plimsoll_agent.request():
        remember(n)
    plimsoll_agent.gauge("queue.length", n)
    time.sleep(0.01)
"""
FAST = {
    "PLIMSOLL_POINT_SECONDS": "0.5",
    "PLIMSOLL_PROFILE_SECONDS": "1",
    "PLIMSOLL_MODE": "always",
    "PLIMSOLL_SAMPLER": "native",
    "PLIMSOLL_SAMPLE_BYTES": "65536",
    "PLIMSOLL_RELEASE": "v7",
    "PLIMSOLL_HOLDERS": "1",
}

pytestmark = pytest.mark.django_db(transaction=True)


def a_leak(server) -> Instance:
    program = server.folder / "leak.py"
    program.write_text(LEAK)
    server.launch(str(program), **FAST)
    found = server.wait(lambda: list(Instance.objects.select_related("service")))
    return found[0]


def span() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=2), now + timedelta(minutes=5)


def selection(instance: Instance, sample_type: str = "inuse_space") -> ProfileSelection:
    start, end = span()
    return ProfileSelection(instance.project_id, instance.service_id, start, end, sample_type=sample_type)


def test_points_profiles_and_identity_of_the_python_agent(server) -> None:
    instance = a_leak(server)
    assert instance.service.name == "shop"
    assert instance.release == "v7"
    assert instance.language == "python"
    assert instance.agent.startswith("plimsoll-python/")
    assert instance.labels["pid"] == instance.key.split(":")[1]
    server.wait(lambda: len(snapshots(selection(instance))) >= 2)
    start, end = span()
    series = read_series(instance.project_id, instance.service_id, start, end)
    by_name = {one.name: one for one in series}
    for name in ("rss_bytes", "heap_live_bytes", "requests", "p99_ms", "queue.length", "agent_cpu_seconds"):
        assert len(by_name[name].values) >= 1, name
    rows = top(selection(instance))
    assert any("remember" in str(row) for row in list(getattr(rows, "rows", rows))[:5])


def test_the_server_asks_who_holds_it_and_the_agent_answers(server) -> None:
    instance = a_leak(server)
    server.wait(lambda: snapshots(selection(instance)))
    site = [{"function": "remember", "file": str(server.folder / "leak.py"), "line": 6}]
    request_command(instance, CommandRequest(CommandKind.FIND_HOLDERS, {"site": site}), at=datetime.now(UTC))
    report = server.wait(lambda: HolderReport.objects.filter(instance=instance).first())
    assert report.method == "snapshot"
    assert "RESULTS" in report.paths[0]["path"]
    assert report.paths[0]["share"] > 0.8


def test_a_replayed_recording(server) -> None:
    process = server.launch("-m", "plimsoll_sidecar.cli", "replay", str(EXAMPLES / "oom-restarts"))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    lives = list(Instance.objects.select_related("service"))
    assert len(lives) == 5
    assert {life.service.name for life in lives} == {"svc-oom-restarts"}
    assert Marker.objects.filter(kind="restart").count() >= 4
    assert len(snapshots(selection(lives[0]))) >= 30
    start, end = span()
    series = read_series(lives[0].project_id, lives[0].service_id, start, end, names=["rss_bytes"])
    assert sum(len(one.values) for one in series) >= 590
