"""Hot blocks: a batch of points as it came, quick to write and to read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.points import PointBatch
from profiler_server.core.profile import FloatArray
from profiler_server.storage.sealing import DamagedBlock, seal, unseal

MILLISECONDS = 1000.0
FLOAT_BYTES = 8


def encode_batch(batch: PointBatch) -> bytes:
    """Return the points as a sealed block: the times, then the columns in their order, all float64."""
    return seal(
        b"".join(np.ascontiguousarray(values).tobytes() for values in (batch.ts, *batch.columns.values()))
    )


def decode_batch(block: bytes | memoryview, names: Sequence[str], points: int) -> PointBatch:
    """Undo `encode_batch`. Raises `DamagedBlock`."""
    ts, values = decode_columns(block, len(names), points)
    return PointBatch(ts, dict(zip(names, values, strict=True)))


def decode_columns(block: bytes | memoryview, columns: int, points: int) -> tuple[FloatArray, FloatArray]:
    """Return the times f64[points] and the values f64[columns, points] of a batch. Raises `DamagedBlock`."""
    payload = unseal(block)
    if len(payload) != FLOAT_BYTES * points * (columns + 1):
        raise DamagedBlock("A stored batch of points is not as long as its row says.")
    values = np.frombuffer(payload, np.float64).reshape(columns + 1, points)
    return values[0], values[1:]


def rounded_times(ts: FloatArray) -> FloatArray:
    """Return times to the millisecond, the precision that points are kept in."""
    rounded: FloatArray = np.round(ts * MILLISECONDS) / MILLISECONDS
    return rounded
