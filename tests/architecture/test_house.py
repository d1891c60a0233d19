"""The house keeps its shape: imports point one way, files stay readable, names say something."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EMPTY_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py", "manager.py"}
LINES_AT_MOST = 400
SOURCES = sorted(
    path
    for top in ("profiler_server", "dashboards", "agents", "examples", "benchmarks")
    for path in (ROOT / top).rglob("*.py")
    if "migrations" not in path.parts and "build" not in path.parts
)


def test_imports_point_one_way() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_only_one_file_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.is_relative_to(ROOT / "profiler_server")
        and ("os.environ" in path.read_text() or "getenv" in path.read_text())
    ]
    allowed = {
        "profiler_server/config/env.py",
        "profiler_server/config/wsgi.py",
        "profiler_server/config/celery.py",
    }
    assert set(readers) <= allowed


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_duty(path: Path) -> None:
    assert path.name not in EMPTY_NAMES
    text = path.read_text()
    assert text.count("\n") <= LINES_AT_MOST
    assert not text or text.lstrip().startswith(('"""', "#!")), "a module opens with one sentence on its duty"
