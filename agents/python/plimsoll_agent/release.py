"""Finds the release of the service: a setting, the platform's variables, git, or the installed package."""

from __future__ import annotations

import os
import sys
from typing import Mapping, Optional

MAX_RELEASE = 100
MAX_PARENTS = 6
MAX_PACKED_REFS = 1 << 20
SHORT_COMMIT = 12
_VARIABLES = (
    "RELEASE_VERSION",
    "APP_VERSION",
    "GIT_COMMIT",
    "GIT_SHA",
    "SOURCE_VERSION",
    "HEROKU_SLUG_COMMIT",
    "HEROKU_RELEASE_VERSION",
    "RENDER_GIT_COMMIT",
    "K_REVISION",
    "DD_VERSION",
    "OTEL_SERVICE_VERSION",
)


def find_release(setting: str, environment: Mapping[str, str]) -> Optional[str]:
    """Return the release, None if nothing tells it; no process is started and no network used."""
    found = setting or next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    found = found or _from_git(_program_folder()) or _from_package()
    return found[:MAX_RELEASE] or None


def _program_folder() -> str:
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.dirname(os.path.abspath(main)) if main else os.getcwd()


def _from_git(folder: str) -> str:
    """Short commit of the working tree that holds ``folder``, read from .git's files."""
    try:
        for _ in range(MAX_PARENTS):
            git = os.path.join(folder, ".git")
            if os.path.isdir(git):
                return _head_commit(git)[:SHORT_COMMIT]
            parent = os.path.dirname(folder)
            if parent == folder:
                return ""
            folder = parent
    except OSError:
        return ""
    return ""


def _head_commit(git: str) -> str:
    head = _read(os.path.join(git, "HEAD"))
    if not head.startswith("ref: "):
        return head
    name = head[5:].strip()
    try:
        return _read(os.path.join(git, *name.split("/")))
    except OSError:
        packed = _read(os.path.join(git, "packed-refs"))
        lines = (line.split(" ", 1) for line in packed.splitlines())
        return next((words[0] for words in lines if len(words) == 2 and words[1] == name), "")


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read(MAX_PACKED_REFS).strip()


def _from_package() -> str:
    """``name==version`` style release of the distribution that ``python -m package`` runs."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    package = (getattr(spec, "name", "") or "").partition(".")[0]
    if not package or package == "__main__":
        return ""
    try:
        from importlib.metadata import version

        return version(package)
    except Exception:  # not installed as a distribution, or broken metadata
        return ""
