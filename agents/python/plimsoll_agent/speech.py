"""What the agent says to its host's log: at most one line a minute, and each fact at most once."""

from __future__ import annotations

import sys
from time import monotonic

QUIET_SECONDS = 60.0
MAX_REMEMBERED_FACTS = 64
MAX_LINE = 400


class Speech:
    """Rate-limited voice of the agent; what cannot be said now is dropped, never queued."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._said: set[str] = set()

    def once(self, message: str) -> None:
        """Say a fact of this process's life; the same fact is never said twice."""
        if message in self._said or len(self._said) >= MAX_REMEMBERED_FACTS:
            return
        if self.say(message):
            self._said.add(message)

    def say(self, message: str) -> bool:
        """Say ``message`` unless something was said within the last minute; true if it was said."""
        now = monotonic()
        if now - self._last < QUIET_SECONDS:
            return False
        self._last = now
        _emit(message[:MAX_LINE])
        return True


def _emit(message: str) -> None:
    """Write through the host's logging if the host uses it, else to standard error; never raise."""
    try:
        logging = sys.modules.get("logging")
        if logging is not None and logging.root.handlers:
            logging.getLogger("plimsoll_agent").warning("%s", message)
        elif sys.stderr is not None:
            sys.stderr.write(f"plimsoll_agent: {message}\n")
    except Exception:  # the host's log is not ours to break
        return


VOICE = Speech()
