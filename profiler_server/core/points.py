"""Points: what one instance measured at successive moments, and the canonical names of the columns.

A column's name carries its unit. Any other name of the same form is a custom series and is kept as it is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.core.errors import InvalidPoints, LimitExceeded
from profiler_server.core.profile import FloatArray

MAX_POINTS_PER_BATCH = 10_000
MAX_COLUMNS_PER_BATCH = 200
COLUMN_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")

CANONICAL_COLUMNS: tuple[str, ...] = (
    "rss_bytes",
    "rss_anon_bytes",
    "rss_file_bytes",
    "rss_shmem_bytes",
    "swap_bytes",
    "heap_live_bytes",
    "heap_inuse_bytes",
    "heap_idle_bytes",
    "heap_released_bytes",
    "heap_sys_bytes",
    "stack_bytes",
    "runtime_other_bytes",
    "native_inuse_bytes",
    "native_free_bytes",
    "mmapped_bytes",
    "pymalloc_arena_bytes",
    "pymalloc_slack_bytes",
    "cgroup_current_bytes",
    "cgroup_limit_bytes",
    "cgroup_oom_kills",
    "threads",
    "fds",
    "goroutines",
    "requests",
    "errors",
    "p50_ms",
    "p99_ms",
    "gc_collections",
    "gc_pause_ms",
    "gc_objects",
    "agent_cpu_seconds",
    "agent_rss_bytes",
)


@dataclass(frozen=True, eq=False)
class PointBatch:
    """Points of one instance: `ts` float64[n] in unix seconds, each column float64[n], NaN = missing."""

    ts: FloatArray
    columns: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.ts)


def point_batch(ts: Sequence[float], columns: Mapping[str, Sequence[float | None]]) -> PointBatch:
    """Build a valid batch from plain sequences (None = missing): sorted by time, the last of equal times wins.

    Raises `InvalidPoints` for a bad name, length, time or value and `LimitExceeded` beyond a bound.
    """
    _check_size(len(ts), len(columns))
    times = _floats("ts", ts, len(ts))
    if not np.isfinite(times).all() or (times < 0).any():
        raise InvalidPoints("Every entry of ts must be a finite time in unix seconds.")
    named = _columns(columns, len(ts))
    if len(times) < 2 or (times[1:] > times[:-1]).all():
        return PointBatch(times, named)
    order = np.argsort(times, kind="stable")
    last = np.append(np.diff(times[order]) > 0, True) if len(times) else np.zeros(0, np.bool_)
    keep = order[last]
    return PointBatch(times[keep], {name: values[keep] for name, values in named.items()})


def _check_size(points: int, columns: int) -> None:
    if points > MAX_POINTS_PER_BATCH:
        raise LimitExceeded(f"A batch holds at most {MAX_POINTS_PER_BATCH} points, not {points}.")
    if columns > MAX_COLUMNS_PER_BATCH:
        raise LimitExceeded(f"A batch holds at most {MAX_COLUMNS_PER_BATCH} columns, not {columns}.")


def _column_name(name: str) -> str:
    if not isinstance(name, str) or COLUMN_NAME.fullmatch(name) is None:
        raise InvalidPoints(f"Column name {str(name)[:80]!r} must match {COLUMN_NAME.pattern}.")
    return name


def _columns(columns: Mapping[str, Sequence[float | None]], length: int) -> dict[str, FloatArray]:
    """Return all columns by name, converted at once where all are sound."""
    names = [_column_name(name) for name in columns]
    try:
        table = np.array(list(columns.values()), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        table = np.zeros(0)
    if table.shape == (len(names), length) and not np.isinf(table).any():
        return dict(zip(names, table, strict=True))
    return {name: _floats(name, columns[name], length) for name in names}


def _floats(name: str, values: Sequence[float | None], length: int) -> FloatArray:
    """Return float64[length]; None becomes NaN, infinities are refused."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidPoints(f"Column {name} must hold numbers or null.") from None
    if array.shape != (length,):
        raise InvalidPoints(f"Column {name} must be as long as ts ({length}).")
    if np.isinf(array).any():
        raise InvalidPoints(f"Column {name} must not hold infinite numbers.")
    return array
