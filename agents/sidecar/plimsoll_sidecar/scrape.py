"""Scrapes one target for as long as the sidecar runs: points, profiles, restarts and ends."""

from __future__ import annotations

import os
import sys
import time
from time import monotonic
from typing import Any, Callable, Optional

from plimsoll_agent.commands import CommandGate
from plimsoll_agent.door import Door
from plimsoll_agent.identity import Identity
from plimsoll_agent.messenger import Messenger
from plimsoll_agent.originals import Signal
from plimsoll_agent.spool import Spool

from plimsoll_sidecar.fetch import NoPage, Unreachable
from plimsoll_sidecar.load import LoadReader
from plimsoll_sidecar.memstats import MemStats
from plimsoll_sidecar.process import WatchedProcess, pid_of_port
from plimsoll_sidecar.reading import Reader, Reading
from plimsoll_sidecar.targets import Target
from plimsoll_sidecar.version import AGENT_NAME

SPOOL_BYTES = 16 << 20
MISSES_UNTIL_GONE = 3
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Scraper:
    """Watches one target; a process of it that ends and begins again is a new instance."""

    def __init__(self, target: Target, door: Door, *, say: Callable[[str], None]) -> None:
        self._target = target
        self._say = say
        self._reader = Reader(target)
        self._load = LoadReader(target.load)
        self._gate = CommandGate()
        self._messenger = Messenger(door, Spool(SPOOL_BYTES), interval=target.point_seconds, heard=self._hear)
        self._identity: Optional[Identity] = None
        self._process: Optional[WatchedProcess] = None
        self._memstats: Optional[MemStats] = None
        self._misses = 0
        self._lives = 0
        self._profile_at = 0.0

    def run(self, stop: Signal) -> None:
        """Scrape until ``stop`` is set."""
        next_point = monotonic()
        while not stop.wait(next_point - monotonic()):
            try:
                self.turn(monotonic(), time.time())
            except Exception as problem:
                self._say(f"{self._target.service}: {type(problem).__name__}: {problem}")
            next_point = max(next_point + self._target.point_seconds, monotonic())
        if self._identity is not None:
            self._messenger.push(self._identity, monotonic())

    def turn(self, now: float, at: float) -> None:
        """One point and what is due with it; ``now`` monotonic, ``at`` unix seconds."""
        try:
            reading = self._reader.read()
        except Unreachable as problem:
            self._missed(at, str(problem))
        else:
            self._misses = 0
            self._follow(reading, at)
            self._add_point(reading, at)
        if self._identity is None:
            return
        self._messenger.push(self._identity, now)
        if now >= self._profile_at and self._misses == 0:
            self._profile_at = now + self._target.profile_seconds - self._target.point_seconds / 2
            self._send_profile(self._identity, now, at)

    def _add_point(self, reading: Reading, at: float) -> None:
        columns = reading.columns(self._memstats)
        if self._process is not None:
            columns.update(self._process.columns())
        columns.update(self._load.read(reading.samples, reading.variables))
        self._memstats = reading.memstats
        self._messenger.points.add(at, columns)

    def _send_profile(self, identity: Identity, now: float, at: float) -> None:
        try:
            body = self._reader.profile()
        except (Unreachable, NoPage) as problem:
            self._say(f"{self._target.service}: no profile: {problem}")
            return
        self._messenger.send_profile(identity, at, body, now)

    def _hear(self, said: dict[str, Any]) -> None:
        for command in self._gate.admit(said, monotonic()):
            if command.kind == "send_profile":
                self._profile_at = 0.0

    def _missed(self, at: float, why: str) -> None:
        """The target does not answer: it has ended if its process is gone, or after some misses."""
        self._misses += 1
        if self._identity is None:
            if self._misses == 1:
                self._say(f"{self._target.service}: waiting for the target ({why})")
            return
        gone = not self._process.alive() if self._process else self._misses >= MISSES_UNTIL_GONE
        if gone:
            self._end(at)

    def _end(self, at: float) -> None:
        kind, text = ("exit", "the target does not answer") if not self._process else self._process.why_gone()
        self._say(f"{self._target.service}: {text}")
        self._messenger.points.mark(at, kind, text)
        self._close_life()

    def _close_life(self) -> None:
        """Send what belongs to the old instance before a new one begins."""
        if self._identity is not None:
            self._messenger.push(self._identity, monotonic())
            self._messenger.keep(self._identity)
        if self._process is not None:
            self._process.close()
        self._identity, self._process, self._memstats = None, None, None
        self._load.forget()

    def _follow(self, reading: Reading, at: float) -> None:
        """Notice the first sight of the target and every new life of it."""
        if self._identity is not None and self._began_anew(reading):
            if self._process is not None and not self._process.alive():
                self._end(at)
            else:
                self._close_life()
        if self._identity is None:
            self._open_life(reading, at)

    def _began_anew(self, reading: Reading) -> bool:
        if self._process is not None:
            return not self._process.alive()
        started = reading.started_at
        if started is not None and self._identity is not None:
            return abs(started - self._identity.started_at) > 2.0
        before, after = self._memstats, reading.memstats
        if before is None or after is None:
            return False
        return after.numbers.get("TotalAlloc", 0) < before.numbers.get("TotalAlloc", 0)

    def _open_life(self, reading: Reading, at: float) -> None:
        pid = self._find_pid()
        self._process = WatchedProcess(pid, self._target.memory_limit_bytes or None) if pid else None
        started = (self._process.started_at if self._process else None) or reading.started_at or at
        host = os.uname().nodename if pid else self._target.host
        limit = self._process.memory_limit_bytes if self._process else self._target.memory_limit_bytes
        self._identity = Identity(
            service=self._target.service,
            key=f"{host}:{pid or self._target.port}:{int(started)}",
            started_at=round(started, 3),
            release=reading.release(self._target),
            language=self._target.language,
            labels={"host": host, "target": self._target.base, **self._target.labels},
            memory_limit_bytes=limit or None,
            agent=AGENT_NAME,
        )
        self._lives += 1
        if self._lives > 1:
            self._messenger.points.mark(
                max(started, at - self._target.point_seconds), "restart", "the target began anew"
            )
        self._profile_at = 0.0
        self._say(
            f"{self._target.service}: watching {self._identity.key} (release {self._identity.release or 'unknown'})"
        )

    def _find_pid(self) -> Optional[int]:
        if self._target.pid and self._lives == 0:
            return self._target.pid
        local = self._target.host in _LOOPBACK or self._target.host == os.uname().nodename
        return pid_of_port(self._target.port) if local and sys.platform == "linux" else None
