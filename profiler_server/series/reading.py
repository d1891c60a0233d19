"""From stored rows to series: hot batches and chunks joined, each (instance, time, column) once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.points import PointBatch
from profiler_server.core.profile import FloatArray
from profiler_server.series.batches import decode_batch
from profiler_server.series.column_sets import ServiceKey, column_sets
from profiler_server.series.model import Series
from profiler_server.series.statements import SQL

MAX_HOT_BATCHES = 500_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be read: [start, end), all columns or some, all instances or some."""

    service: ServiceKey
    start: datetime
    end: datetime
    names: tuple[str, ...] | None
    instance_ids: list[int] | None

    @property
    def parameters(self) -> dict[str, object]:
        """Return the parameters of the reading statements."""
        return self.service.parameters | {
            "start": self.start,
            "end": self.end,
            "instance_ids": self.instance_ids,
        }


def read_points(reading: Reading, max_points: int | None) -> list[Series]:
    """Return the series of a reading, not yet downsampled to the pixel."""
    parts: dict[tuple[int, str], list[tuple[FloatArray, FloatArray]]] = {}
    for instance_id, batch in _hot_batches(reading):
        for name, values in batch.columns.items():
            if reading.names is None or name in reading.names:
                parts.setdefault((instance_id, name), []).append((batch.ts, values))
    window = (reading.start.timestamp(), reading.end.timestamp())
    series = (_join(key, found, window) for key, found in sorted(parts.items()))
    return [one for one in series if len(one.ts)]


def _hot_batches(reading: Reading) -> list[tuple[int, PointBatch]]:
    rows = SQL.fetch("read_hot", reading.parameters | {"most": MAX_HOT_BATCHES + 1})
    if len(rows) > MAX_HOT_BATCHES:
        raise LimitExceeded(
            f"More than {MAX_HOT_BATCHES:,} batches match; ask for less time or fewer instances."
        )
    sets = column_sets(reading.service)
    return [(row[0], decode_batch(row[3], sets[row[1]], row[2])) for row in rows]


def _join(
    key: tuple[int, str], parts: list[tuple[FloatArray, FloatArray]], window: tuple[float, float]
) -> Series:
    """Return one series in the order of time; of equal times the part read first wins where it has a value."""
    ts = np.concatenate([part[0] for part in parts])
    values = np.concatenate([part[1] for part in parts])
    some = ~np.isnan(values) & (ts >= window[0]) & (ts < window[1])
    ts, values = ts[some], values[some]
    if len(ts) > 1 and not (np.diff(ts) > 0).all():
        ts, first = np.unique(ts, return_index=True)
        values = values[first]
    return Series(*key, ts, values)
