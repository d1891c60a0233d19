"""What memory this process has and may still take; None where the kernel does not say."""

from __future__ import annotations

import mmap
from pathlib import Path

PROC = Path("/proc/self")
CGROUP = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60  # cgroup v1 writes a huge number instead of "max"


def rss_bytes() -> int | None:
    """Resident memory of this process."""
    try:
        return int((PROC / "statm").read_text().split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return None


def cgroup_headroom_bytes() -> int | None:
    """Bytes left until the tightest memory cgroup is full; None when there is no limit or it cannot be read."""
    left = [room for folder, names in _folders() if (room := _room(folder, *names)) is not None]
    return min(left, default=None)


def _folders() -> list[tuple[Path, tuple[str, str]]]:
    """Candidate cgroup folders of this process with the names of their (limit, usage) files, v2 and v1."""
    folders = [(CGROUP, ("memory.max", "memory.current"))]
    folders.append((CGROUP / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")))
    try:
        lines = (PROC / "cgroup").read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folders.append((CGROUP / path.lstrip("/"), ("memory.max", "memory.current")))
        elif "memory" in controllers.split(","):
            inner = CGROUP / "memory" / path.lstrip("/")
            folders.append((inner, ("memory.limit_in_bytes", "memory.usage_in_bytes")))
    return folders


def _room(folder: Path, limit_name: str, usage_name: str) -> int | None:
    try:
        limit = (folder / limit_name).read_text().strip()
        usage = int((folder / usage_name).read_text())
    except (OSError, ValueError):
        return None
    if limit == "max" or int(limit) >= UNLIMITED:
        return None
    return max(0, int(limit) - usage)
