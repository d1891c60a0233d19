"""A process life in at most a few hundred blocks: what the detector remembers instead of every point."""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler_server.core.leak.channels import CHANNELS, derive_channels
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.window import HOUR, FloatArray, InstanceSeries

N_CHANNELS = len(CHANNELS)
N_LAGS = 4
# Columns of a block: when, how many points, the middle and the lowest value of each channel, the load.
TIME, COUNT, MID, LOW = 0, 1, 2, 2 + N_CHANNELS
LOAD = LOW + N_CHANNELS
REQUESTS, ERRORS, LATENCY = LOAD + 1 + N_LAGS, LOAD + 2 + N_LAGS, LOAD + 3 + N_LAGS
HEAP_TEETH, RSS_TEETH = LATENCY + 1, LATENCY + 2
WIDTH = RSS_TEETH + 1
TOOTH_SHARE = 0.06


def life_key(instance: str, started_at: float) -> str:
    """Return the name of one process life within its service."""
    return f"{instance}@{started_at:.0f}"


@dataclass
class LifeHistory:
    """Blocks of one process life. `blocks` f64[n, WIDTH], `TIME` in hours of the detector's clock.

    `HEAP_TEETH` and `RSS_TEETH` are ends of saw teeth per point. `REQUESTS` and `ERRORS` are cumulative since the life
    was first seen; `read_until` is the ts (seconds) of the last point that has been put into a block, so that an
    evaluation needs to read only what came after it.
    """

    instance: str
    started_at: float
    version: str | None
    first_ts: float
    block_seconds: float
    read_until: float
    carry: list[float]
    blocks: FloatArray

    @property
    def hours(self) -> FloatArray:
        """Return the middle of each block, in hours."""
        return self.blocks[:, TIME]

    @property
    def observed_hours(self) -> float:
        """Return the time covered by blocks."""
        return float(self.blocks[-1, TIME] - self.blocks[0, TIME]) if len(self.blocks) else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: the blocks as packed 32-bit floats, times kept relative to the first."""
        relative = self.blocks.copy()
        origin = float(relative[0, TIME]) if len(relative) else 0.0
        relative[:, TIME] -= origin
        packed = base64.b64encode(zlib.compress(relative.astype("<f4").T.tobytes(), 1)).decode("ascii")
        return {
            "instance": self.instance,
            "started_at": self.started_at,
            "version": self.version,
            "first_ts": self.first_ts,
            "block_seconds": self.block_seconds,
            "read_until": self.read_until,
            "carry": [None if math.isnan(x) else x for x in self.carry],
            "origin": origin,
            "blocks": packed,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> LifeHistory:
        """Rebuild what `to_json` wrote."""
        raw = np.frombuffer(zlib.decompress(base64.b64decode(stored["blocks"])), dtype="<f4")
        blocks = raw.reshape(WIDTH, -1).T.astype(np.float64)
        blocks[:, TIME] += stored["origin"]
        return cls(
            instance=stored["instance"],
            started_at=stored["started_at"],
            version=stored["version"],
            first_ts=stored["first_ts"],
            block_seconds=stored["block_seconds"],
            read_until=stored["read_until"],
            carry=[math.nan if x is None else x for x in stored["carry"]],
            blocks=blocks,
        )


def begin_life(series: InstanceSeries, interval_seconds: float, config: DetectorConfig) -> LifeHistory:
    """Return an empty history for a process life that is seen for the first time."""
    first = float(series.ts[0])
    return LifeHistory(
        instance=series.instance,
        started_at=series.started_at,
        version=series.version,
        first_ts=first,
        block_seconds=interval_seconds * config.points_per_block,
        read_until=first - interval_seconds,
        carry=[math.nan] * N_LAGS + [0.0, 0.0],
        blocks=np.empty((0, WIDTH)),
    )


@dataclass(frozen=True)
class Clock:
    """How the window's seconds become the detector's hours."""

    scale: float
    interval_seconds: float

    def hours(self, ts: FloatArray | float) -> Any:
        """Return `ts` (seconds) in hours of the detector's clock."""
        return np.asarray(ts) * (self.scale / HOUR)


def absorb(
    life: LifeHistory, series: InstanceSeries, now: float, clock: Clock, config: DetectorConfig
) -> bool:
    """Put the points of `series` after `life.read_until` into blocks that are complete by `now`; True if any was."""
    anchor = life.first_ts - clock.interval_seconds / 2
    complete = anchor + math.floor((now - anchor) / life.block_seconds) * life.block_seconds
    low = int(np.searchsorted(series.ts, life.read_until, side="right"))
    high = int(np.searchsorted(series.ts, complete, side="left"))
    if high <= low:
        return False
    ts = series.ts[low:high]
    columns = {name: values[low:high] for name, values in series.columns.items()}
    points = np.empty((len(ts), WIDTH))
    points[:, TIME] = clock.hours(ts)
    points[:, COUNT] = 1.0
    points[:, MID:LOW] = derive_channels(columns, len(ts))
    points[:, LOW:LOAD] = points[:, MID:LOW]
    for column, name in ((HEAP_TEETH, "heap"), (RSS_TEETH, "rss")):
        points[:, column] = _teeth(points[:, MID + CHANNELS.index(name)])
    _fill_load(points, columns, life, clock, config)
    index = np.floor((ts - anchor) / life.block_seconds).astype(np.int64)
    fresh = _fold_points(points, np.flatnonzero(np.diff(index)) + 1)
    if len(life.blocks):
        # After blocks were made longer the last one may be half full: what comes next completes it.
        last = math.floor(
            (float(life.blocks[-1, TIME]) - float(clock.hours(anchor)))
            * HOUR
            / clock.scale
            / life.block_seconds
        )
        if last == index[0]:
            fresh[0] = _merge(np.stack([life.blocks[-1], fresh[0]]))
            life.blocks = life.blocks[:-1]
    life.blocks = np.concatenate([life.blocks, fresh])
    life.read_until = float(ts[-1])
    while len(life.blocks) > config.max_blocks:
        _coarsen(life, anchor, clock)
    return True


def _teeth(values: FloatArray) -> FloatArray:
    """Return per point 1 where the value falls sharply after two rises in a row: the end of a saw tooth.

    A collector frees at once what took several points to fill; a spike of one point has no climb before it.
    """
    falls = np.zeros(len(values))
    if len(values) >= 4:
        rises = np.diff(values) > 0
        sharp = values[3:] < (1 - TOOTH_SHARE) * values[2:-1]
        falls[3:] = sharp & rises[1:-1] & rises[:-2]
    return falls


def _fill_load(
    points: FloatArray, columns: Any, life: LifeHistory, clock: Clock, config: DetectorConfig
) -> None:
    """Fill rate, lagged averages, cumulative requests and errors; the averages' state is carried in `life`."""
    n = len(points)
    missing = np.full(n, np.nan)
    requests = columns.get("requests", missing)
    errors = np.nan_to_num(columns.get("errors", missing)).tolist()
    rate = requests / (clock.interval_seconds * clock.scale)
    averages, total, failed = life.carry[:N_LAGS], life.carry[N_LAGS], life.carry[N_LAGS + 1]
    step = clock.interval_seconds * clock.scale / HOUR
    keep = [math.exp(-step / lag) for lag in config.load_lags_hours]
    lagged, served, lost, isnan = [], [], [], math.isnan
    for x, count, error in zip(rate.tolist(), requests.tolist(), errors, strict=True):
        if not isnan(x):
            averages = [x if isnan(a) else k * a + (1 - k) * x for a, k in zip(averages, keep, strict=True)]
            total += count
        elif not isnan(averages[0]):
            total += averages[0] * clock.interval_seconds * clock.scale
        failed += error
        lagged.append(averages)
        served.append(total)
        lost.append(failed)
    points[:, LATENCY] = columns.get("p99_ms", missing)
    points[:, LOAD] = rate
    points[:, LOAD + 1 : REQUESTS] = lagged
    points[:, REQUESTS], points[:, ERRORS] = served, lost
    life.carry = [*averages, total, failed]


def _fold_points(points: FloatArray, cuts: NDArray[np.int64]) -> FloatArray:
    """Fold points f64[n, WIDTH], cut into groups, into one block per group; groups of one size at once."""
    starts = np.concatenate([[0], cuts])
    sizes = np.diff(starts, append=len(points))
    blocks = np.empty((len(starts), WIDTH))
    for size in set(sizes.tolist()):
        chosen = np.flatnonzero(sizes == size)
        blocks[chosen] = _blocks(points[starts[chosen, None] + np.arange(size)])
    return blocks


def _blocks(groups: FloatArray) -> FloatArray:
    """Fold each group of f64[g, n, WIDTH]: medians of the channels, their minima, means of the rest."""
    n = groups.shape[1]
    if n == 1:
        return groups[:, 0]
    ordered = np.sort(groups, axis=1)
    present = n - np.isnan(groups).sum(axis=1)
    middle = np.maximum((present - 1) // 2, 0)
    blocks = np.take_along_axis(ordered, middle[:, None, :], axis=1)[:, 0]
    blocks[:, LOW:LOAD] = ordered[:, 0, LOW:LOAD]
    held = present[:, LOAD:]
    total = np.nansum(groups[:, :, LOAD:], axis=1)
    blocks[:, LOAD:] = np.where(held > 0, total / np.maximum(held, 1), np.nan)
    blocks[:, TIME] = groups[:, :, TIME].mean(axis=1)
    blocks[:, COUNT] = n
    return blocks


def _coarsen(life: LifeHistory, anchor: float, clock: Clock) -> None:
    """Merge neighbouring blocks into blocks twice as long: weighted means of the middles, minima of the lows."""
    twice = life.block_seconds * 2
    start = clock.hours(anchor)
    index = np.floor((life.blocks[:, TIME] - start) * HOUR / clock.scale / twice).astype(np.int64)
    cuts = np.flatnonzero(np.diff(index)) + 1
    life.blocks = np.stack([_merge(group) for group in np.split(life.blocks, cuts)])
    life.block_seconds = twice


def _merge(group: FloatArray) -> FloatArray:
    """Fold blocks f64[n, WIDTH] into one, each column weighted by the points behind it."""
    if len(group) == 1:
        return np.asarray(group[0])
    weight = np.where(np.isnan(group), 0.0, group[:, COUNT : COUNT + 1])
    total = weight.sum(axis=0)
    row = np.where(total > 0, np.nansum(group * weight, axis=0) / np.maximum(total, 1e-12), np.nan)
    row[COUNT] = group[:, COUNT].sum()
    row[LOW:LOAD] = np.fmin.reduce(group[:, LOW:LOAD], axis=0)
    return np.asarray(row)
