"""Recorded incidents replayed through the whole product: sidecar, HTTP, PostgreSQL, Celery, verdict, mail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 480
SERVER_SETTINGS = ("PLIMSOLL_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")

pytestmark = pytest.mark.scenario


def judged(*command: str, **more: str) -> str:
    """Run a program that judges itself, on a server of its own; return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SERVER_SETTINGS)}
    result = subprocess.run(
        [sys.executable, "-m", *command, "--check"],
        cwd=ROOT,
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    return result.stdout


def test_every_recording_is_judged_right() -> None:
    said = judged("examples.recordings")
    assert said.count("right  ") == 12
    assert "WRONG" not in said


def test_the_context_leak_is_lived_through_from_its_recordings() -> None:
    said = judged(
        "examples.incidents", "1", PATH=str(Path(sys.executable).parent)
    )  # without Go: the recordings
    assert "cured by    r43" in said
    assert "everything was seen" in said
