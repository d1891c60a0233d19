"""What Linux's /proc says about one process: memory, threads, open files, start time.

Every reader returns an empty mapping or None where /proc is hidden or speaks otherwise.
"""

from __future__ import annotations

import os
import time
from typing import Optional

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
MAX_READ = 16 * 1024
_STATUS_COLUMNS = {
    b"RssAnon": "rss_anon_bytes",
    b"RssFile": "rss_file_bytes",
    b"RssShmem": "rss_shmem_bytes",
    b"VmSwap": "swap_bytes",
    b"VmStk": "stack_bytes",
}
_SMAPS_COLUMNS = {
    b"Pss": "smaps.pss_bytes",
    b"Private_Dirty": "smaps.private_dirty_bytes",
    b"LazyFree": "smaps.lazyfree_bytes",
    b"AnonHugePages": "smaps.huge_bytes",
}


class KeptFile:
    """A /proc file opened once and read again by ``pread``; reopened if the host closed its number.

    A host may close every descriptor (daemons do) and the number may then be someone else's: the inode
    is compared before each read, and a number that is no longer ours is never closed.
    """

    __slots__ = ("_fd", "_identity", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1
        self._identity: tuple[int, int] = (0, 0)

    def read(self) -> bytes:
        """Return the file's present content (at most MAX_READ bytes), b"" if it cannot be read."""
        try:
            if self._fd < 0 or not self._is_ours():
                self._open()
            return os.pread(self._fd, MAX_READ, 0)
        except OSError:
            self._fd = -1
            return b""

    def close(self) -> None:
        """Close the descriptor if it is still ours."""
        fd, self._fd = self._fd, -1
        try:
            if fd >= 0 and self._matches(fd):
                os.close(fd)
        except OSError:
            return

    def _open(self) -> None:
        self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        stat = os.fstat(self._fd)
        self._identity = (stat.st_dev, stat.st_ino)

    def _is_ours(self) -> bool:
        try:
            return self._matches(self._fd)
        except OSError:
            return False

    def _matches(self, fd: int) -> bool:
        stat = os.fstat(fd)
        return (stat.st_dev, stat.st_ino) == self._identity


class ProcessFiles:
    """The kept files of one process; ``pid`` 0 means the caller itself."""

    def __init__(self, pid: int = 0) -> None:
        self.root = f"/proc/{pid}" if pid else "/proc/self"
        self.statm = KeptFile(f"{self.root}/statm")
        self.status = KeptFile(f"{self.root}/status")

    def memory(self) -> dict[str, float]:
        """RSS and its parts, swap, threads (bytes and counts), from statm and status."""
        columns = parse_status(self.status.read())
        fields = self.statm.read().split()
        if len(fields) >= 2:
            columns["rss_bytes"] = float(int(fields[1]) * PAGE_BYTES)
        return columns

    def close(self) -> None:
        """Give the descriptors back."""
        self.statm.close()
        self.status.close()


def parse_status(text: bytes) -> dict[str, float]:
    """Columns in bytes (kB × 1024) and ``threads`` from the text of ``/proc/<pid>/status``."""
    columns: dict[str, float] = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(b":")
        name = _STATUS_COLUMNS.get(key)
        if not colon or (name is None and key != b"Threads"):
            continue
        words = rest.split()
        if words and words[0].isdigit():
            columns[name or "threads"] = float(int(words[0]) * (1024 if name else 1))
    return columns


def smaps_rollup(root: str = "/proc/self") -> dict[str, float]:
    """PSS, dirty, lazily freed and huge bytes; the kernel walks every page, so only on demand."""
    try:
        with open(f"{root}/smaps_rollup", "rb") as file:
            text = file.read(MAX_READ)
    except OSError:
        return {}
    columns: dict[str, float] = {}
    for line in text.splitlines():
        key, _, rest = line.partition(b":")
        words = rest.split()
        if key in _SMAPS_COLUMNS and words and words[0].isdigit():
            columns[_SMAPS_COLUMNS[key]] = float(int(words[0]) * 1024)
    return columns


def count_fds(root: str = "/proc/self") -> Optional[int]:
    """Open descriptors of the process, None where they cannot be listed."""
    try:
        count = 0
        with os.scandir(f"{root}/fd") as entries:
            for _ in entries:
                count += 1
    except OSError:
        return None
    return count - 1 if root == "/proc/self" else count


def start_time(root: str = "/proc/self") -> Optional[float]:
    """Unix time at which the process began, None where it cannot be known."""
    try:
        with open(f"{root}/stat", "rb") as file:
            text = file.read(MAX_READ)
        ticks = int(text.rpartition(b")")[2].split()[19])
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return time.time() - (since_boot - ticks / TICKS_PER_SECOND)
