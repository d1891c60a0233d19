"""Keeps what could not be sent, within a bound, in memory and (if a folder is given) on disk."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from typing import Optional

from plimsoll_agent.door import Request

SUFFIX = ".plimsoll"
MAX_FILES_LISTED = 10_000
_HEADER_END = b"\n"


class Spool:
    """Requests that wait, oldest first; when full the oldest go.

    With a folder, requests are moved there on ``save`` (when the process ends while the server is away)
    and any later process of the service picks them up with ``adopt``.
    """

    def __init__(self, max_bytes: int, folder: str = "") -> None:
        self._max_bytes = max_bytes
        self._folder = folder
        self._waiting: deque[Request] = deque()
        self._bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        """Bytes that wait in memory."""
        return self._bytes

    def put(self, request: Request) -> None:
        """Append a request; drop the oldest ones beyond the bound."""
        self._waiting.append(request)
        self._bytes += request.size
        while self._bytes > self._max_bytes and self._waiting:
            self._bytes -= self._waiting.popleft().size
            self.dropped += 1

    def first(self) -> Optional[Request]:
        """The oldest request, left in place until ``pop``."""
        return self._waiting[0] if self._waiting else None

    def pop(self) -> None:
        """Forget the oldest request: it was sent, or can never be."""
        if self._waiting:
            self._bytes -= self._waiting.popleft().size

    def save(self) -> None:
        """Write all that waits to the folder, within the bound; a read-only or full disk is no error."""
        if not self._folder:
            return
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            room = self._max_bytes - sum(size for _, size in self._files())
            for number, request in enumerate(self._waiting):
                room -= request.size
                if room < 0:
                    break
                self._write(request, number)

    def adopt(self) -> None:
        """Take the files of earlier processes into memory, oldest first; each is taken by one process."""
        for path, size in self._files():
            if self._bytes + size > self._max_bytes:
                return
            request = _claim(path)
            if request is not None:
                self.put(request)

    def _files(self) -> list[tuple[str, int]]:
        if not self._folder:
            return []
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                        found.append((entry.path, entry.stat(follow_symlinks=False).st_size))
                    if len(found) >= MAX_FILES_LISTED:
                        break
        except OSError:
            return []
        return sorted(found)

    def _write(self, request: Request, number: int) -> None:
        head = {"path": request.path, "content_type": request.content_type, "gzipped": request.gzipped}
        name = f"{int(time.time() * 1000):015d}-{os.getpid()}-{number:05d}"
        partial = os.path.join(self._folder, name + ".part")
        with open(partial, "wb") as file:
            file.write(json.dumps(head).encode() + _HEADER_END + request.body)
        os.replace(partial, os.path.join(self._folder, name + SUFFIX))


def _claim(path: str) -> Optional[Request]:
    """Rename, read and remove a file, so that of several processes only one gets it."""
    mine = f"{path}.{os.getpid()}"
    try:
        os.rename(path, mine)
        try:
            with open(mine, "rb") as file:
                head, _, body = file.read().partition(_HEADER_END)
            fields = json.loads(head)
            return Request(
                str(fields["path"]), str(fields["content_type"]), body, gzipped=bool(fields["gzipped"])
            )
        finally:
            os.unlink(mine)
    except (OSError, ValueError, KeyError, TypeError):
        return None
