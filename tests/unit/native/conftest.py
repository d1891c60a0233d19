"""Scripts in processes of their own: hooks, forks and crashes must not touch the test process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.native.other_pythons import build, interpreters

SECONDS = 120  # a bound for hangs; each script takes about a second
PRELUDE = """
import collections, gc, json, os, sys, threading, time, types
import plimsoll_agent_native as native

def answer(**values):
    sys.stdout.write(json.dumps(values) + chr(10))
    sys.stdout.flush()

def held(name):
    \"\"\"(objects, bytes) in use under the function of this name.\"\"\"
    taken = native.snapshot()
    rows = [i for i in range(len(taken)) if any(frame[0] == name for frame in taken.stack(i))]
    return sum(taken.inuse_objects[i] for i in rows), sum(taken.inuse_bytes[i] for i in rows)
"""

Answer = dict[str, Any]


@pytest.fixture
def run_script() -> Callable[..., Answer]:
    """Runs a script after PRELUDE; returns what it gave to answer(), with its exit status under "status"."""

    def run(script: str, *arguments: str, status: int = 0, **environment: str) -> Answer:
        source = PRELUDE + textwrap.dedent(script)
        done = subprocess.run(
            [sys.executable, "-c", source, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=os.environ | environment,
            check=False,
        )
        assert done.returncode == status, done.stderr[-2000:]
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        answer: Answer = {}
        for line in lines:
            answer |= json.loads(line)
        return answer | {"stderr": done.stderr}

    return run


@pytest.fixture(
    scope="session", params=sorted(interpreters()), ids=lambda version: ".".join(map(str, version))
)
def other_python(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Each supported interpreter of this machine, and a folder with the package built for it."""
    python = interpreters()[request.param]
    return python, build(python, tmp_path_factory.mktemp("built"))
