"""Load that rises and recedes: requests at a rate that follows a sine, from one thread a service."""

from __future__ import annotations

import math
import threading
import time
import urllib.error
import urllib.request

PERIOD_SECONDS = 40.0
LEAST_PER_SECOND = 5.0
MOST_PER_SECOND = 45.0
ANSWER_SECONDS = 5.0


def rate_at(seconds: float) -> float:
    """Return the requests per second at `seconds` after the start; it begins low."""
    height = (1 - math.cos(2 * math.pi * seconds / PERIOD_SECONDS)) / 2
    return LEAST_PER_SECOND + (MOST_PER_SECOND - LEAST_PER_SECOND) * height


class Load(threading.Thread):
    """Sends requests to `url` until `stop` is called, `share` of the whole rate; a service that is down is asked again.

    It waits for each answer: where those take long, many loads with small shares keep the rate.
    """

    def __init__(self, url: str, *, share: float = 1.0) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.share = share
        self.sent = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send, each request at its time."""
        begun = due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1.0 / (self.share * rate_at(due - begun)), time.monotonic() - 1.0)
            try:
                with urllib.request.urlopen(self.url, timeout=ANSWER_SECONDS) as answer:
                    answer.read()
                self.sent += 1
            except (OSError, urllib.error.URLError):
                self._stopped.wait(0.2)

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()
