"""The control group a process lives in: memory use, limit and kills, versions 1 and 2."""

from __future__ import annotations

import os
from typing import Optional

ROOT = "/sys/fs/cgroup"
NO_LIMIT_BYTES = 1 << 62
MAX_READ = 8 * 1024


class Cgroup:
    """Readers of one memory control group; ``files`` maps a column to the file that holds it."""

    def __init__(self, folder: str, version: int) -> None:
        self.folder = folder
        self.version = version
        v2 = version == 2
        self._current = os.path.join(folder, "memory.current" if v2 else "memory.usage_in_bytes")
        self._limit = os.path.join(folder, "memory.max" if v2 else "memory.limit_in_bytes")
        self._events = os.path.join(folder, "memory.events" if v2 else "memory.oom_control")

    def read(self) -> dict[str, float]:
        """Columns cgroup_current_bytes, cgroup_limit_bytes (if limited) and cgroup_oom_kills."""
        columns: dict[str, float] = {}
        current = _read_int(self._current)
        if current is not None:
            columns["cgroup_current_bytes"] = float(current)
        limit = self.limit_bytes()
        if limit is not None:
            columns["cgroup_limit_bytes"] = float(limit)
        kills = self.oom_kills()
        if kills is not None:
            columns["cgroup_oom_kills"] = float(kills)
        return columns

    def limit_bytes(self) -> Optional[int]:
        """The group's hard limit in bytes, None if it has none or it cannot be read."""
        limit = _read_int(self._limit)
        return None if limit is None or limit >= NO_LIMIT_BYTES else limit

    def oom_kills(self) -> Optional[int]:
        """How many processes the kernel killed in this group for want of memory."""
        for line in _read(self._events).splitlines():
            key, _, value = line.partition(b" ")
            if key == b"oom_kill" and value.strip().isdigit():
                return int(value)
        return None


def find_cgroup(proc_root: str = "/proc/self", root: str = ROOT) -> Optional[Cgroup]:
    """The memory control group of the process, None where the system hides or lacks it.

    In a container the path named in /proc may not exist under the mount, which then shows the group
    itself: the longest existing suffix of the path is taken. Where /proc is hidden, a mount that is itself a
    group of version 2 is this process's own.
    """
    membership = _read(f"{proc_root}/cgroup")
    if not membership and os.path.exists(os.path.join(root, "memory.current")):
        return Cgroup(root, 2)
    for line in membership.decode("utf-8", "replace").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            folder = _existing(os.path.join(root, "memory"), path, "memory.usage_in_bytes")
            if folder:
                return Cgroup(folder, 1)
        elif not controllers:
            folder = _existing(root, path, "memory.current")
            if folder:
                return Cgroup(folder, 2)
    return None


def _existing(mount: str, path: str, probe: str) -> Optional[str]:
    parts = [part for part in path.split("/") if part and part != ".."]
    for skipped in range(len(parts) + 1):
        folder = os.path.join(mount, *parts[skipped:])
        if os.path.exists(os.path.join(folder, probe)):
            return folder
    return None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_READ)
    except OSError:
        return b""


def _read_int(path: str) -> Optional[int]:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None
