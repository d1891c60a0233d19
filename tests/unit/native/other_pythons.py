"""The extension built for every supported CPython that this machine has beside the one that runs the tests."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "agents" / "native"
VERSIONS = ((3, 11), (3, 12), (3, 13), (3, 14))
FLAGS = ("-std=gnu11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-w")
ABOUT = "import json, sys, sysconfig as s; print(json.dumps([sys.version_info[:2], s.get_paths()['include'], s.get_config_var('EXT_SUFFIX'), bool(s.get_config_var('Py_GIL_DISABLED'))]))"  # noqa: E501
SECONDS = 120  # a bound for hangs
SUBINTERPRETERS = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
else:
    import _xxsubinterpreters as interpreters

def create(own_gil):
    if sys.version_info >= (3, 13):
        return interpreters.create("isolated" if own_gil else "legacy")
    return interpreters.create(isolated=own_gil)  # 3.11 has no GIL of its own to give

def run(one, script):
    # What went wrong, or nothing.
    try:
        failed = interpreters.run_string(one, script)
    except interpreters.RunFailedError as error:  # up to 3.12
        return str(error)
    return str(failed or "")
"""


@functools.cache
def interpreters() -> dict[tuple[int, int], str]:
    """Executable by version: the running one, and those on the path or in pyenv that have headers."""
    found = {sys.version_info[:2]: sys.executable}
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin/python3"))
    for major, minor in VERSIONS:
        candidates = [shutil.which(f"python{major}.{minor}"), *map(str, pyenv)]
        for candidate in filter(None, candidates):
            about = _about(candidate)
            if (
                about
                and tuple(about[0]) == (major, minor)
                and Path(about[1], "Python.h").exists()
                and not about[3]
            ):
                found.setdefault((major, minor), candidate)
    return found


@functools.cache
def _about(python: str) -> list[object] | None:
    done = subprocess.run([python, "-c", ABOUT], capture_output=True, text=True, timeout=60, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def run(python: str, folder: Path, script: str) -> dict[str, object]:
    """What the script says last, as JSON, in a ``python`` that has nothing but ``folder`` on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**environment, "PYTHONPATH": str(folder)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


def build(python: str, folder: Path, *flags: str) -> Path:
    """Compile the package for ``python`` into ``folder``, which then goes on its path."""
    about = _about(python)
    assert about
    package = folder / "plimsoll_agent_native"
    shutil.copytree(
        SOURCE / "src" / "plimsoll_agent_native",
        package,
        ignore=shutil.ignore_patterns("*.so", "__pycache__"),
    )
    sources = sorted(map(str, (SOURCE / "csrc").glob("*.c")))
    command = [
        "cc",
        *FLAGS,
        *flags,
        f"-I{about[1]}",
        f"-I{SOURCE / 'csrc'}",
        *sources,
        "-lm",
        "-o",
        str(package / f"_native{about[2]}"),
    ]
    subprocess.run(command, check=True, timeout=240)
    return folder
