"""Runs the incidents and recordings that judge themselves, a few at a time, each on a server of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 4
LONGEST_SECONDS = 700
SERVER_SETTINGS = ("PLIMSOLL_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
WITHOUT_GO = {"PATH": str(Path(sys.executable).parent)}


@dataclass(frozen=True)
class Play:
    """A program that exits with 0 only if Plimsoll said what it must."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self) -> str:
        """Run to the end and return what was printed; raise `AssertionError` with its end if anything was missing.

        These are real programs in real time on a machine that they share: one that misses something is run once more,
        and what the first run missed is printed.
        """
        first = self._run()
        if first.returncode == 0:
            return first.stdout
        print(f"{self.name} is run again; the first time:\n{first.stdout[-3000:]}")
        second = self._run()
        assert second.returncode == 0, f"{self.name}\n{second.stdout[-6000:]}{second.stderr[-2000:]}"
        return second.stdout

    def _run(self) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(SERVER_SETTINGS)}
        return subprocess.run(
            [sys.executable, "-m", *self.command, "--check"],
            cwd=ROOT,
            env=kept | self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )


def _incident(number: int) -> Play:
    return Play(f"incident-{number}", ("examples.incidents", str(number)))


def _recorded(number: int) -> Play:
    name = f"incident-{number}-recorded"
    return Play(name, ("examples.incidents", str(number), "--folder", name), WITHOUT_GO)


# The longest first; the fourth, whose milliseconds are looked at, beside those that mostly wait.
PLAYS = (
    _incident(1),
    _incident(4),
    _incident(2),
    _incident(3),
    Play("recordings", ("examples.recordings",)),
    _recorded(1),
    _recorded(2),
    _recorded(3),
)


class Company:
    """All plays, begun when the first of them is asked for."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._said: dict[str, Future[str]] = {}

    def said(self, name: str) -> str:
        """Return what a play printed; wait for it, or raise what it raised."""
        if not self._said:
            self._said = {play.name: self._pool.submit(play.run) for play in PLAYS}
        return self._said[name].result()

    def close(self) -> None:
        """Begin no further play."""
        self._pool.shutdown(cancel_futures=True)
