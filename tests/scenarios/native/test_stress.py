"""A few million allocations under threads, forks, stacked hooks, snapshots and searches, with tables kept small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.scenario
def test_the_sampler_survives_a_short_stress():
    command = [sys.executable, "-m", "benchmarks.agent_stress", "--allocations", "4000000", "--seconds", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "FAILED" not in done.stdout
