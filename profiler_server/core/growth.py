"""How call sites grow over a series of profiles, and which of them grow most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.core.algebra import stack_values
from profiler_server.core.errors import IncompatibleProfiles
from profiler_server.core.grouping import Granularity, group_frames
from profiler_server.core.profile import FloatArray, Frame, Int64Array, IntArray, Profile
from profiler_server.core.stacks import Rows, distinct, sum_by, unite

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, eq=False)
class Growth:
    """Values over time per call site (a whole stack, leaf first) or per group (a single frame).

    `ts` float64[b] in unix seconds, `values` int64[n, b], `per_hour` float64[n] the least-squares slope;
    `sites` are sorted by it, steepest first.
    """

    sites: tuple[tuple[Frame, ...], ...]
    ts: FloatArray
    values: Int64Array
    per_hour: FloatArray


def growth(
    profiles: Sequence[tuple[float, Profile]],
    sample_type: str = "",
    *,
    by: Granularity | None = None,
    limit: int = 50,
) -> Growth:
    """Return the `limit` steepest call sites, or cumulative groups when `by` names a granularity.

    Raises `IncompatibleProfiles` for no profile at all or a missing sample type.
    """
    if not profiles:
        raise IncompatibleProfiles("Growth needs at least one profile.")
    ts = np.array([at for at, _ in profiles])
    table, maps = unite([profile.stacks for _, profile in profiles])
    columns = [
        sum_by(moved, stack_values(profile, sample_type), len(table))
        for moved, (_, profile) in zip(maps, profiles, strict=True)
    ]
    values = np.stack(columns, axis=1)
    if by is None:
        chosen, slopes = steepest(ts, values, limit)
        return Growth(tuple(table.stack(i) for i in chosen.tolist()), ts, values[chosen], slopes)
    groups = group_frames(table.frames, by)
    rows = Rows(table.offsets, groups.group_of[table.frame_ids])
    sums = cumulative_by(rows, values, len(groups.frames))
    chosen, slopes = steepest(ts, sums, limit)
    return Growth(tuple((groups.frames[i],) for i in chosen.tolist()), ts, sums[chosen], slopes)


def cumulative_by(rows: Rows, values: Int64Array, size: int) -> Int64Array:
    """Return int64[size, b]: the values of all rows that hold each element, every row counted once per element."""
    pairs = distinct(rows.owners().astype(np.int64) * max(size, 1) + rows.flat)
    return sum_by(pairs % max(size, 1), values[pairs // max(size, 1)], size)


def steepest(ts: FloatArray, values: IntArray | FloatArray, limit: int) -> tuple[IntArray, FloatArray]:
    """Return the rows of values[n, b] with the largest least-squares slope, and the slopes per hour, both sorted."""
    slopes = slopes_per_hour(ts, values)
    chosen = np.argpartition(-slopes, limit - 1)[:limit] if len(slopes) > limit else np.arange(len(slopes))
    chosen = chosen[np.argsort(-slopes[chosen], kind="stable")]
    return chosen, slopes[chosen]


def slopes_per_hour(ts: FloatArray, values: IntArray | FloatArray) -> FloatArray:
    """Return float64[n]: the ordinary least-squares slope of values[n, b] over ts, per hour; 0 without a spread."""
    centred = ts - ts.mean()
    spread = float(centred @ centred)
    if spread == 0.0:
        return np.zeros(len(values))
    slopes: FloatArray = values.astype(np.float64) @ centred * (SECONDS_PER_HOUR / spread)
    return slopes
