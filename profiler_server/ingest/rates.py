"""How many requests a token may send in a minute, over all web processes."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

WINDOW_SECONDS = 60
SYNC_SECONDS = 1.0
SYNC_PARTS = 100
MAX_TOKENS_COUNTED = 10_000
KEEP_SECONDS = 3 * WINDOW_SECONDS

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Count:
    """What this process knows of one token in one window."""

    window: int
    shared: int = 0
    unshared: int = 0
    synced_at: float = 0.0


class RateBound:
    """Counts in the process and shares the counts through the cache about once a second.

    The bound may be overshot by what the processes have not shared yet: at most a hundredth of it each, or one second.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[int, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def seconds_to_wait(self, token_id: int, limit: int, *, now: float | None = None) -> float:
        """Count one request; return 0.0 when it is within `limit`, else the seconds until the next window."""
        now = time.time() if now is None else now
        window = int(now // WINDOW_SECONDS)
        with self._lock:
            count = self._count_of(token_id, window)
            count.unshared += 1
            over = count.shared + count.unshared > limit
            pending = 0
            if count.unshared >= max(1, limit // SYNC_PARTS) or now - count.synced_at >= SYNC_SECONDS:
                pending, count.unshared = count.unshared, 0
                count.shared += pending
                count.synced_at = now
        if pending and not over:
            over = self._share(token_id, count, pending) > limit
        return (window + 1) * WINDOW_SECONDS - now if over else 0.0

    def clear(self) -> None:
        """Forget every count of this process."""
        with self._lock:
            self._counts.clear()

    def _count_of(self, token_id: int, window: int) -> _Count:
        count = self._counts.get(token_id)
        if count is None or count.window != window:
            count = self._counts[token_id] = _Count(window)
            self._counts.move_to_end(token_id)
            while len(self._counts) > MAX_TOKENS_COUNTED:
                self._counts.popitem(last=False)
        return count

    def _share(self, token_id: int, count: _Count, pending: int) -> int:
        key = f"ingest-rate:{token_id}:{count.window}"
        try:
            cache.add(key, 0, timeout=KEEP_SECONDS)
            shared = int(cache.incr(key, pending))
        except (RedisError, ValueError):
            _log.warning(
                "The cache does not answer; the rate of token %d is bounded per process only.", token_id
            )
            return count.shared + count.unshared
        with self._lock:
            count.shared = max(count.shared, shared)
        return shared


RATES = RateBound()
