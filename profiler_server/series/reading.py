"""From stored rows to series: hot batches, chunks and their downsampled tiers, each (instance, time, column) once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.profile import FloatArray
from profiler_server.series.batches import decode_columns
from profiler_server.series.column_sets import column_sets
from profiler_server.series.hours import FIVE_MINUTES, SECONDS_PER_HOUR
from profiler_server.series.model import Series
from profiler_server.series.slices import decode_all, decode_times
from profiler_server.series.statements import CHUNK, SQL
from profiler_server.series.statements import FIVE_MINUTES as FIVE_MINUTES_TABLE
from profiler_server.storage.services import ServiceKey
from profiler_server.storage.sql import Row

MAX_HOT_BATCHES = 200_000
MAX_SLICES = 200_000


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


@dataclass(frozen=True, eq=False)
class _Piece:
    """Successive values of one series; `lows` and `highs` are None where nothing was thinned."""

    ts: FloatArray
    values: FloatArray
    lows: FloatArray | None = None
    highs: FloatArray | None = None


_Pieces = dict[tuple[int, str], list[_Piece]]


def read_points(reading: Reading, max_points: int | None) -> list[Series]:
    """Return the series of a reading, not yet downsampled to the pixel.

    Where a point is asked for every five minutes or less often, the tiers serve what is compacted.
    """
    sets = column_sets(reading.service)
    names = tuple(dict.fromkeys(n for columns in sets.values() for n in columns if _wanted(reading, n)))
    if not names:
        return []
    step = (reading.end - reading.start).total_seconds() / max_points if max_points else 0.0
    pieces: _Pieces = {}
    if step >= SECONDS_PER_HOUR:
        _add_hourly(reading, names, pieces)
    else:
        _add_slices(reading, names, pieces, thinned=step >= FIVE_MINUTES)
    _add_hot(reading, sets, pieces)
    window = (reading.start.timestamp(), reading.end.timestamp())
    if step >= FIVE_MINUTES:
        window = (window[0] - min(step, SECONDS_PER_HOUR), window[1])
    series = (_join(key, found, window) for key, found in sorted(pieces.items()))
    return [one for one in series if len(one.ts)]


def _wanted(reading: Reading, name: str) -> bool:
    return reading.names is None or name in reading.names


def _bounded(
    statement: str,
    reading: Reading,
    more: dict[str, object],
    most: int,
    identifiers: dict[str, str] | None = None,
) -> list[Row]:
    rows = SQL.fetch(statement, reading.parameters | more | {"most": most + 1}, identifiers=identifiers)
    if len(rows) > most:
        raise LimitExceeded(f"More than {most:,} rows of points match; ask for less time or fewer instances.")
    return rows


def _add_hot(reading: Reading, sets: Mapping[int, tuple[str, ...]], pieces: _Pieces) -> None:
    wanted = {
        set_id: [(place, name) for place, name in enumerate(names) if _wanted(reading, name)]
        for set_id, names in sets.items()
    }
    for instance_id, set_id, points, block in _bounded("read_hot", reading, {}, MAX_HOT_BATCHES):
        if wanted[set_id]:
            ts, columns = decode_columns(block, len(sets[set_id]), points)
            for place, name in wanted[set_id]:
                pieces.setdefault((instance_id, name), []).append(_Piece(ts, columns[place]))


def _add_slices(reading: Reading, names: tuple[str, ...], pieces: _Pieces, *, thinned: bool) -> None:
    table, count = (FIVE_MINUTES_TABLE, "buckets") if thinned else (CHUNK, "points")
    identifiers = {"table": table.name, "count": count}
    rows = _bounded("read_slices", reading, {"names": list(names)}, MAX_SLICES, identifiers)
    numbers = decode_all([row[5] for row in rows], [row[3] * (3 if thinned else 1) for row in rows])
    times: dict[tuple[bytes, datetime], FloatArray] = {}
    for (instance_id, name, hour_at, points, time_slice, _), values in zip(rows, numbers, strict=True):
        ts = times.get((time_slice, hour_at))
        if ts is None:
            ts = times[(time_slice, hour_at)] = decode_times(time_slice, hour_at.timestamp(), points)
        piece = _Piece(ts, *values.reshape(3, points)) if thinned else _Piece(ts, values)
        pieces.setdefault((instance_id, name), []).append(piece)


def _add_hourly(reading: Reading, names: tuple[str, ...], pieces: _Pieces) -> None:
    for instance_id, name, *columns in _bounded("read_hourly", reading, {"names": list(names)}, MAX_SLICES):
        ts, values, lows, highs = (np.array(column, np.float64) for column in columns)
        pieces.setdefault((instance_id, name), []).append(_Piece(ts, values, lows, highs))


def _join(key: tuple[int, str], pieces: list[_Piece], window: tuple[float, float]) -> Series:
    """Return one series in the order of time; of equal times the piece read first wins where it has a value."""
    columns = [
        np.concatenate([piece.ts for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
    ]
    if any(piece.lows is not None for piece in pieces):
        columns.append(
            np.concatenate([piece.values if piece.lows is None else piece.lows for piece in pieces])
        )
        columns.append(
            np.concatenate([piece.values if piece.highs is None else piece.highs for piece in pieces])
        )
    ts, values = columns[:2]
    some = ~np.isnan(values) & (ts >= window[0]) & (ts < window[1])
    if not some.all():
        columns = [column[some] for column in columns]
    if len(columns[0]) > 1 and not (columns[0][1:] > columns[0][:-1]).all():
        _, first = np.unique(columns[0], return_index=True)
        columns = [column[first] for column in columns]
    return Series(*key, *columns)
