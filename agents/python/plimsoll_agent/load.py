"""Counts what the service does: requests, errors and latency, in constant memory."""

from __future__ import annotations

from math import log
from typing import Any, Optional

from plimsoll_agent.originals import original

BUCKETS_PER_FACTOR_E = 20.0
LOWEST_MS = 0.01
BUCKETS = 400


def bucket_of(milliseconds: float) -> int:
    """Index of the logarithmic bucket (5 % wide) that holds a duration."""
    if not milliseconds > LOWEST_MS:
        return 0
    return min(BUCKETS - 1, 1 + int(log(milliseconds / LOWEST_MS) * BUCKETS_PER_FACTOR_E))


def middle_of(bucket: int) -> float:
    """Milliseconds in the middle of a bucket, geometrically."""
    if bucket == 0:
        return LOWEST_MS
    return float(LOWEST_MS * 2.718281828459045 ** ((bucket - 0.5) / BUCKETS_PER_FACTOR_E))


class LoadMeter:
    """Requests, errors and a latency histogram of the present interval.

    The lock is re-entrant: a signal handler or a destructor that counts a request in the middle of
    another count must not deadlock its own thread.
    """

    def __init__(self) -> None:
        self._lock: Any = original("_thread", "RLock")()
        self._seen = False
        self._reset()

    def _reset(self) -> None:
        self._requests = 0
        self._errors = 0
        self._histogram: Optional[list[int]] = None

    def served(self, seconds: float, *, error: bool = False) -> None:
        """Count one request that took ``seconds``."""
        bucket = bucket_of(seconds * 1000.0)
        with self._lock:
            self._seen = True
            self._requests += 1
            self._errors += error
            if self._histogram is None:
                self._histogram = [0] * BUCKETS
            self._histogram[bucket] += 1

    def take(self) -> dict[str, float]:
        """Columns of the interval that ends now; empty in a process that never served a request."""
        with self._lock:
            if not self._seen:
                return {}
            requests, errors, histogram = self._requests, self._errors, self._histogram
            self._reset()
        columns = {"requests": float(requests), "errors": float(errors)}
        if histogram is not None and requests:
            columns["p50_ms"] = round(_quantile(histogram, requests, 0.5), 3)
            columns["p99_ms"] = round(_quantile(histogram, requests, 0.99), 3)
        return columns


def _quantile(histogram: list[int], total: int, share: float) -> float:
    rank = share * (total - 1)
    seen = 0
    for bucket, count in enumerate(histogram):
        seen += count
        if seen > rank:
            return middle_of(bucket)
    return middle_of(BUCKETS - 1)
