"""The choice between the compiled parser and its twin, and the command that builds the compiled one."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from profiler_server.codecs import build_fast, engine
from profiler_server.codecs.pprof_scan import scan
from tests.golden.pprof_tool import FOLDER

ROOT = Path(__file__).resolve().parents[3]
THREADS = 8  # more than the sets of columns that are kept
CHOICE = """
import sys, types
if sys.argv[1] != "as it is":
    fake = types.ModuleType("profiler_server.codecs._fast_pprof")
    fake.INTERFACE = -1
    sys.modules[fake.__name__] = None if sys.argv[1] == "absent" else fake
from profiler_server.codecs import engine
from profiler_server.codecs.compiled import absent_modules
print(engine.COMPILED, engine.PARSER is engine.PURE, *absent_modules())
"""


@pytest.mark.parametrize("state", ["absent", "of another interface"])
def test_the_twin_serves_when_the_compiled_parser_cannot(state: str) -> None:
    command = [sys.executable, "-c", CHOICE, state]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.split() == ["False", "True", "profiler_server.codecs._fast_pprof"]


def test_one_of_both_serves() -> None:
    assert (engine.PARSER is not engine.PURE) == engine.COMPILED


def test_threads_that_scan_at_once_do_not_share_memory() -> None:
    bodies = [path.read_bytes() for path in sorted(FOLDER.glob("*.pb.gz"))] * 4
    alone = [scan(body).keys.tolist() for body in bodies]
    with ThreadPoolExecutor(THREADS) as threads:
        together = [found.keys.tolist() for found in threads.map(scan, bodies)]
    assert together == alone


def test_every_compiled_source_has_a_name_and_a_stub() -> None:
    sources = build_fast.sources()
    assert Path("profiler_server/codecs/_fast_pprof.pyx") in sources
    for source in sources:
        assert (ROOT / source).with_suffix(".pyi").exists()
        name = build_fast.extension(source, sanitize=False).name
        assert name == ".".join(source.with_suffix("").parts)


def test_sanitized_modules_are_never_built_where_they_would_be_served_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["build_fast", "--sanitize"])
    with pytest.raises(SystemExit) as caught:
        build_fast.main()
    assert caught.value.code == 2
    assert "--into" in capsys.readouterr().err
