"""Identity, release, spool, commands, census and middleware, each by itself."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plimsoll_agent.census import MIN_ENTRIES
from plimsoll_agent.commands import MAX_ARM_SECONDS, CommandGate
from plimsoll_agent.custom import MAX_SERIES, CustomSeries
from plimsoll_agent.door import Request, json_request
from plimsoll_agent.identity import platform_labels
from plimsoll_agent.instrument.after_import import AfterImport
from plimsoll_agent.middleware import WsgiMiddleware
from plimsoll_agent.points import columnar
from plimsoll_agent.release import _from_git, find_release
from plimsoll_agent.spool import Spool


def test_platforms() -> None:
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "web-5d9", "POD_NAMESPACE": "shop"}
    labels = platform_labels(pod, "web-5d9")
    assert labels["platform"] == "kubernetes"
    assert (labels["k8s.pod"], labels["k8s.namespace"]) == ("web-5d9", "shop")
    assert platform_labels({"ECS_CONTAINER_METADATA_URI_V4": "http://x"}, "h")["platform"] == "ecs"
    assert "platform" not in platform_labels({}, "h")


def test_release_by_setting_variable_and_git(tmp_path) -> None:
    assert find_release("v1", {"GIT_COMMIT": "abc"}) == "v1"
    assert find_release("", {"GIT_COMMIT": "abc"}) == "abc"
    assert find_release("x" * 500, {}) == "x" * 100
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\n" + "b" * 40 + " refs/heads/main\n")
    inner = tmp_path / "src" / "shop"
    inner.mkdir(parents=True)
    assert _from_git(str(inner)) == "b" * 12
    (git / "refs" / "heads" / "main").write_text("c" * 40 + "\n")
    assert _from_git(str(inner)) == "c" * 12
    (git / "HEAD").write_text("d" * 40 + "\n")
    assert _from_git(str(inner)) == "d" * 12
    (git / "HEAD").unlink()
    assert _from_git(str(inner)) == ""


def a_request(size: int) -> Request:
    return Request("/v1/points", "application/json", bytes(size))


def test_the_spool_drops_the_oldest_beyond_its_bound() -> None:
    spool = Spool(1000)
    for size in (100, 200, 300, 400):
        spool.put(a_request(size))
    assert spool.bytes <= 1000
    assert spool.dropped == 2
    first = spool.first()
    assert first is not None
    assert len(first.body) == 300
    spool.put(a_request(5000))
    assert (len(spool), spool.bytes) == (0, 0)


def test_the_spool_on_disk_is_bounded_and_adopted_once(tmp_path) -> None:
    folder = tmp_path / "spool"
    for _ in range(3):
        spool = Spool(2000, str(folder))
        for size in (300, 300, 300):
            spool.put(a_request(size))
        spool.save()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2000 * 1.5
    (folder / "torn.plimsoll").write_bytes(b"{")
    one, two = Spool(2000, str(folder)), Spool(2000, str(folder))
    one.adopt()
    two.adopt()
    assert len(one) >= 3
    assert len(two) <= 2
    assert one.first() == a_request(300)


def test_a_spool_folder_that_cannot_be_written(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool(1000, str(tmp_path / "file"))
    spool.put(a_request(10))
    spool.save()
    spool.adopt()
    assert len(spool) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(
        ["id", "kind", "seconds", "site", "function", "file", "line", "commands", "x"]), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@settings(deadline=None)  # a machine may be busy
@given(JSON)
def test_any_answer_gives_bounded_commands_or_none(said) -> None:
    gate = CommandGate()
    for commands in (said, [said] * 20):
        for command in gate.admit({"commands": commands}, 0.0):
            assert command.kind in {"arm_sampler", "find_holders", "send_profile"}
            assert 0 <= command.seconds <= MAX_ARM_SECONDS
            assert len(command.site) <= 64


def test_each_command_once_and_each_kind_seldom() -> None:
    gate = CommandGate()

    def admit(ident: str, now: float) -> int:
        return len(gate.admit({"commands": [{"id": ident, "kind": "arm_sampler", "seconds": 1e9}]}, now))

    assert admit("a", 0.0) == 1
    assert admit("a", 1e6) == 0
    assert admit("b", 1.0) == 0
    assert admit("b", 1e6) == 1


def test_json_is_packed_only_where_it_pays() -> None:
    assert not json_request("/x", "{}").gzipped
    assert json_request("/x", json.dumps(["x"] * 1000)).gzipped


def test_columns_of_rows_that_differ() -> None:
    rows = [(1.0, {"a": 1.0}), (2.0, {"b": float("inf"), "a": 0.25})]
    assert columnar(rows) == {"ts": [1.0, 2.0], "columns": {"a": [1, 0.25], "b": [None, None]}}


def test_own_series_are_bounded() -> None:
    series = CustomSeries()
    for n in range(MAX_SERIES + 50):
        series.gauge(f"g{n}", n)
    series.counter("Upper")
    assert len(series.take()) == MAX_SERIES


CENSUS_SHOP = """
import collections, functools, json, sys, types
from plimsoll_agent.census import Census

class Touchy:
    def __getattribute__(self, name):
        raise AssertionError("the census ran the host's code")
    def __len__(self):
        raise AssertionError("the census ran the host's code")

class Meta(type):
    def __getattribute__(cls, name):
        raise AssertionError("the census ran the host's code")
    def __hash__(cls):
        raise AssertionError("the census ran the host's code")

def a_shop():
    @functools.cache
    def cached(n):
        return n
    for n in range(1500):
        cached(n)
    holder = type("Registry", (), {"__module__": "census_shop", "ITEMS": dict.fromkeys(range(3000))})
    instance = holder()
    instance.rows = collections.deque(range(2500))
    shop = types.ModuleType("census_shop")
    vars(shop).update(
        RESULTS=dict.fromkeys(range(9000)), small=[1], cached=cached, Registry=holder, registry=instance,
        touchy=Touchy(), awkward=Meta("Awkward", (), {}),
    )
    return shop

shop = sys.modules["census_shop"] = a_shop()
"""


def census_of(script: str) -> dict:
    """Return what a script prints beside the shop, in a process that holds little else."""
    command = [sys.executable, "-c", CENSUS_SHOP + textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_census_names_big_containers_and_their_growth() -> None:
    report = census_of("""
        census = Census()
        census.count()
        shop.RESULTS.update(dict.fromkeys(range(20_000, 29_000)))
        print(json.dumps(census.report()))
    """)
    paths = [path["path"] for path in report["paths"] if "census_shop" in path["path"]]
    assert any(p.startswith("module census_shop → RESULTS: dict (18,000 entries, +") for p in paths)
    assert "module census_shop → Registry: type → ITEMS: dict (3,000 entries)" in paths
    assert "module census_shop → registry: Registry → rows: deque (2,500 entries)" in paths
    assert any("cached: _lru_cache_wrapper (1,500 entries" in p for p in paths)
    assert not any("small" in p for p in paths)
    assert report["method"] == "census"
    assert all(0 <= path["share"] <= 1 for path in report["paths"])
    assert MIN_ENTRIES == 1000


def test_names_can_be_redacted() -> None:
    report = census_of("print(json.dumps(Census(redact=True).report()))")
    assert "RESULTS" not in json.dumps(report)
    assert any("module census_shop → *: dict (9,000" in path["path"] for path in report["paths"])


def serve(app, **environ) -> list[bytes]:
    return list(app(environ, lambda status, headers, exc_info=None: None))


def test_a_body_that_is_a_list_or_a_file_reaches_the_server_as_it_is() -> None:
    class FileWrapper:
        def __iter__(self):
            return iter([b"x"])

    wrapper = FileWrapper()
    middleware = WsgiMiddleware(lambda environ, start: environ["body"])
    assert middleware({"body": [b"x"]}, None) == [b"x"]
    assert middleware({"body": wrapper, "wsgi.file_wrapper": FileWrapper}, None) is wrapper


def test_a_stream_is_closed_by_the_server_through_the_middleware() -> None:
    closed = []

    def app(environ, start_response):
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(1)

    body = WsgiMiddleware(app)({}, lambda *_: None)
    assert next(iter(body)) == b"one"
    body.close()
    assert closed == [1]


def test_an_import_hook_that_fails_does_not_fail_the_import(tmp_path, monkeypatch) -> None:
    (tmp_path / "hooked_module.py").write_text("VALUE = 7\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = []

    def hook(module) -> None:
        seen.append(module.VALUE)
        raise ValueError("no")

    finder = AfterImport({"hooked_module": hook})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    import hooked_module

    assert hooked_module.VALUE == 7
    assert seen == [7]
    assert type(hooked_module.__spec__.loader).__name__ == "SourceFileLoader"
    del sys.modules["hooked_module"]


AGENTS = Path(__file__).parents[3] / "agents"


@pytest.mark.parametrize("package", ["python/plimsoll_agent", "sidecar/plimsoll_sidecar"])
def test_the_sources_are_python_3_9(package: str) -> None:
    sources = sorted((AGENTS / package).rglob("*.py"))
    assert len(sources) > 10
    for source in sources:
        ast.parse(source.read_text(), str(source), feature_version=(3, 9))


def test_importing_the_agent_brings_nothing_heavy_along() -> None:
    code = "import sys; before = set(sys.modules); import plimsoll_agent; print(*set(sys.modules) - before)"
    command = [
        sys.executable,
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(AGENTS / 'python')!r}); {code}",
    ]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    heavy = {"asyncio", "ctypes", "dataclasses", "email", "http.client", "inspect", "logging", "pathlib", "socket",
             "ssl", "tempfile", "threading", "urllib.request", "tracemalloc"}  # fmt: skip
    assert loaded & heavy == set()
