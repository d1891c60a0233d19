"""The target's process: found by its listening port, watched through /proc and its control group."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import Iterator, Optional

from plimsoll_agent.cgroup import Cgroup, find_cgroup
from plimsoll_agent.proc import ProcessFiles, count_fds, start_time

MAX_PROCESSES = 20_000
MAX_FDS = 5000
_LISTEN = "0A"
OOM_SHARE = 0.95
_VMSTAT = Path("/proc/vmstat")


def pid_of_port(port: int) -> Optional[int]:
    """The process that listens on a TCP port of this machine, None if it cannot be seen."""
    inodes = set(_listening_inodes(port))
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    pids = (entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit())
    for number, pid in enumerate(pids):
        if number >= MAX_PROCESSES:
            return None
        if _holds(pid, wanted):
            return int(pid)
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == _LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                yield words[9]


def _holds(pid: str, wanted: set[str]) -> bool:
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return any(_link(entry.path) in wanted for entry in islice(entries, MAX_FDS))
    except OSError:
        return False


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


class WatchedProcess:
    """One process life of the target."""

    def __init__(self, pid: int, memory_limit_bytes: Optional[int] = None) -> None:
        self.pid = pid
        self.root = f"/proc/{pid}"
        self.started_at = start_time(self.root)
        self._files = ProcessFiles(pid)
        self._cgroup: Optional[Cgroup] = find_cgroup(self.root)
        self._kills = self._oom_kills()
        self._machine_kills = _machine_oom_kills()
        self._last_rss = 0.0
        self.memory_limit_bytes = memory_limit_bytes or (self._cgroup.limit_bytes() if self._cgroup else None)

    def columns(self) -> dict[str, float]:
        """Memory, threads, descriptors and control group of the process now; empty if it is gone."""
        columns = self._files.memory()
        if "rss_bytes" not in columns:
            return {}
        self._last_rss = columns["rss_bytes"]
        fds = count_fds(self.root)
        if fds is not None:
            columns["fds"] = float(fds)
        if self._cgroup is not None:
            columns.update(self._cgroup.read())
        return columns

    def alive(self) -> bool:
        """True while the same process lives; a zombie is dead, and so is a reused number."""
        try:
            text = Path(self.root, "stat").read_bytes()
        except OSError:
            return False
        state = text.rpartition(b")")[2].split()[0]
        began = start_time(self.root)
        same = began is None or self.started_at is None or abs(began - self.started_at) < 2.0
        return same and state not in {b"Z", b"X"}

    def why_gone(self) -> tuple[str, str]:
        """Marker kind (``oom`` or ``exit``) and text for a process that is no more."""
        kills = self._oom_kills()
        if kills is not None and self._kills is not None and kills > self._kills:
            return "oom", f"killed by the kernel in its control group ({kills - self._kills} kills)"
        if self._near_limit():
            return "oom", f"gone at {self._last_rss:,.0f} of {self.memory_limit_bytes:,} bytes"
        machine = _machine_oom_kills()
        if machine is not None and self._machine_kills is not None and machine > self._machine_kills:
            return "oom", "gone while the kernel killed processes for want of memory"
        return "exit", "the process is gone"

    def close(self) -> None:
        """Give its files back."""
        self._files.close()

    def _near_limit(self) -> bool:
        limit = self.memory_limit_bytes
        return limit is not None and self._last_rss >= OOM_SHARE * limit

    def _oom_kills(self) -> Optional[int]:
        return self._cgroup.oom_kills() if self._cgroup is not None else None


def _machine_oom_kills() -> Optional[int]:
    try:
        for line in _VMSTAT.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    except (OSError, ValueError):
        return None
    return None
