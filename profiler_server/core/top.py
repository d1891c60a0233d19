"""Tables from a profile: flat and cumulative per function, and the callers and callees of one."""

from dataclasses import dataclass

import numpy as np

from profiler_server.core.algebra import stack_values
from profiler_server.core.grouping import FrameGroups, Granularity, group_frames
from profiler_server.core.profile import Frame, Int64Array, IntArray, Profile
from profiler_server.core.stacks import Rows, rows_of, sum_by


@dataclass(frozen=True, slots=True)
class TopRow:
    """One function: `flat` is what it holds itself, `cumulative` also what it called (recursion counted once)."""

    frame: Frame
    flat: int
    cumulative: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A direct caller or callee and the value that passes along the call, counted once per stack."""

    frame: Frame
    value: int


@dataclass(frozen=True, slots=True)
class CallersCallees:
    """One function with its neighbours, largest first."""

    row: TopRow
    callers: tuple[Neighbour, ...]
    callees: tuple[Neighbour, ...]


def top_table(
    profile: Profile,
    sample_type: str = "",
    granularity: Granularity = Granularity.FUNCTION,
    *,
    limit: int | None = None,
) -> list[TopRow]:
    """Return the rows with any value, by |flat|, then |cumulative|, then name; at most `limit`."""
    groups = group_frames(profile.stacks.frames, granularity)
    flat, cumulative = _sums(profile, groups, stack_values(profile, sample_type))
    present = np.flatnonzero((flat != 0) | (cumulative != 0))
    order = present[np.lexsort((present, -np.abs(cumulative[present]), -np.abs(flat[present])))]
    chosen = order[:limit].tolist()
    return [TopRow(groups.frames[i], int(flat[i]), int(cumulative[i])) for i in chosen]


def callers_callees(
    profile: Profile,
    function: str,
    sample_type: str = "",
    granularity: Granularity = Granularity.FUNCTION,
) -> list[CallersCallees]:
    """Return the neighbours of every group named `function` (several files may hold the name); [] if unknown."""
    groups = group_frames(profile.stacks.frames, granularity)
    values = stack_values(profile, sample_type)
    flat, cumulative = _sums(profile, groups, values)
    callers, callees, passed = _calls(profile, groups, values)
    found = []
    for i in (i for i, frame in enumerate(groups.frames) if frame.function == function):
        row = TopRow(groups.frames[i], int(flat[i]), int(cumulative[i]))
        into, out = callees == i, callers == i
        above = _neighbours(groups, callers[into], passed[into])
        below = _neighbours(groups, callees[out], passed[out])
        found.append(CallersCallees(row, above, below))
    return found


def _sums(profile: Profile, groups: FrameGroups, values: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return (flat, cumulative) int64[n_groups] for int64[n_stacks]."""
    rows = Rows(profile.stacks.offsets, groups.group_of[profile.stacks.frame_ids])
    size = len(groups.frames)
    some = np.flatnonzero(rows.lengths() > 0)
    flat = sum_by(rows.flat[rows.offsets[some]], values[some], size)
    pairs = np.unique(rows.owners().astype(np.int64) * max(size, 1) + rows.flat)
    return flat, sum_by(pairs % max(size, 1), values[pairs // max(size, 1)], size)


def _calls(
    profile: Profile, groups: FrameGroups, values: Int64Array
) -> tuple[IntArray, IntArray, Int64Array]:
    """Return (caller, callee, value) of every distinct call between different groups."""
    rows, size = rows_of(profile.stacks), max(len(groups.frames), 1)
    group = groups.group_of[rows.flat].astype(np.int64)
    owner = rows.owners()
    edge = np.flatnonzero((owner[1:] == owner[:-1]) & (group[1:] != group[:-1])) if len(owner) else owner
    calls = group[edge + 1] * size + group[edge] if len(edge) else np.zeros(0, np.int64)
    names, which = np.unique(calls, return_inverse=True)
    once = np.unique(owner[edge].astype(np.int64) * max(len(names), 1) + which)
    passed = sum_by(once % max(len(names), 1), values[once // max(len(names), 1)], len(names))
    return names // size, names % size, passed


def _neighbours(groups: FrameGroups, which: IntArray, passed: Int64Array) -> tuple[Neighbour, ...]:
    pairs = sorted(
        zip(passed.tolist(), which.tolist(), strict=True), key=lambda pair: (-abs(pair[0]), pair[1])
    )
    return tuple(Neighbour(groups.frames[i], value) for value, i in pairs if value)
