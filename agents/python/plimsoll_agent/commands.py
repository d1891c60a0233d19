"""What the server may ask in its answers, and the bounds that make a hostile server harmless.

Only the kinds named here are obeyed, each at most so often; everything else in an answer is ignored.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Iterator, NamedTuple, Optional

MAX_COMMANDS_PER_ANSWER = 8
MAX_REMEMBERED = 64
MAX_ID = 100
MAX_SITE_FRAMES = 64
MAX_TEXT = 500
MAX_LINE_NUMBER = 1 << 31
MAX_ARM_SECONDS = 600.0
REST_SECONDS = {"arm_sampler": 1800.0, "find_holders": 120.0, "send_profile": 60.0}


class Command(NamedTuple):
    """One accepted command; ``seconds`` for arm_sampler, ``site`` (leaf first) for find_holders."""

    id: str
    kind: str
    seconds: float = 0.0
    site: tuple[tuple[str, str, int], ...] = ()


class CommandGate:
    """Parses the ``commands`` of an answer and lets through what is known, new and not too soon."""

    def __init__(self) -> None:
        self._done: deque[str] = deque(maxlen=MAX_REMEMBERED)
        self._allowed_at: dict[str, float] = {}

    def admit(self, said: dict[str, Any], now: float) -> list[Command]:
        """Commands to obey at monotonic time ``now``."""
        return [command for command in _parse(said.get("commands")) if self._passes(command, now)]

    def _passes(self, command: Command, now: float) -> bool:
        if command.id in self._done or now < self._allowed_at.get(command.kind, 0.0):
            return False
        self._done.append(command.id)
        self._allowed_at[command.kind] = now + REST_SECONDS[command.kind]
        return True


def _parse(raw: Any) -> Iterator[Command]:
    if not isinstance(raw, list):
        return
    for item in raw[:MAX_COMMANDS_PER_ANSWER]:
        command = _parse_one(item) if isinstance(item, dict) else None
        if command is not None:
            yield command


def _parse_one(item: dict[str, Any]) -> Optional[Command]:
    ident, kind = item.get("id"), item.get("kind")
    if not isinstance(ident, str) or not 0 < len(ident) <= MAX_ID:
        return None
    if kind == "send_profile":
        return Command(ident, kind)
    if kind == "arm_sampler":
        seconds = item.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
            return None
        return Command(ident, kind, seconds=min(float(seconds), MAX_ARM_SECONDS))
    if kind == "find_holders":
        site = _parse_site(item.get("site"))
        return Command(ident, kind, site=site) if site else None
    return None


def _parse_site(raw: Any) -> tuple[tuple[str, str, int], ...]:
    if not isinstance(raw, list) or len(raw) > MAX_SITE_FRAMES:
        return ()
    site = []
    for frame in raw:
        if not isinstance(frame, dict):
            return ()
        function, file, line = frame.get("function"), frame.get("file", ""), frame.get("line", 0)
        if not isinstance(function, str) or not isinstance(file, str) or not isinstance(line, int):
            return ()
        if not 0 <= line < MAX_LINE_NUMBER:
            return ()
        site.append((function[:MAX_TEXT], file[:MAX_TEXT], int(line)))
    return tuple(site)
