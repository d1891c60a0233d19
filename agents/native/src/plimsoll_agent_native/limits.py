"""What memory this process has and may still take; None where the kernel does not say."""

from __future__ import annotations

import os

PROC = "/proc/self"
CGROUP = "/sys/fs/cgroup"
UNLIMITED = 1 << 60  # cgroup v1 writes a huge number instead of "max"


def rss_bytes() -> int | None:
    """Resident memory of this process."""
    try:
        return int(_read(f"{PROC}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def cgroup_headroom_bytes() -> int | None:
    """Bytes left until the tightest memory cgroup is full; None when there is no limit or it cannot be read."""
    left = [room for folder, names in _folders() if (room := _room(folder, *names)) is not None]
    return min(left, default=None)


def _read(path: str) -> str:
    """Its text; as UTF-8, since other codecs are imported at their first use (see `start()` on imports and forks)."""
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib is a megabyte to import
        return file.read()


def _folders() -> list[tuple[str, tuple[str, str]]]:
    """Candidate cgroup folders of this process with the names of their (limit, usage) files, v2 and v1."""
    second, first = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
    folders = [(CGROUP, second), (f"{CGROUP}/memory", first)]
    try:
        lines = _read(f"{PROC}/cgroup").splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folders.append((f"{CGROUP}/{path.lstrip('/')}", second))
        elif "memory" in controllers.split(","):
            folders.append((f"{CGROUP}/memory/{path.lstrip('/')}", first))
    return folders


def _room(folder: str, limit_name: str, usage_name: str) -> int | None:
    try:
        limit = _read(f"{folder}/{limit_name}").strip()
        usage = int(_read(f"{folder}/{usage_name}"))
    except (OSError, ValueError):
        return None
    if limit == "max" or int(limit) >= UNLIMITED:
        return None
    return max(0, int(limit) - usage)
