"""Tables from a profile: flat and cumulative per function, and the callers and callees of one."""

from dataclasses import dataclass

import numpy as np

from profiler_server.core.algebra import stack_values
from profiler_server.core.grouping import FrameGroups, Granularity, group_frames
from profiler_server.core.profile import Frame, Int64Array, IntArray, Profile
from profiler_server.core.stacks import Rows, distinct, rows_of, sum_by


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
    found = []
    for i in (i for i, frame in enumerate(groups.frames) if frame.function == function):
        row = TopRow(groups.frames[i], int(flat[i]), int(cumulative[i]))
        above, below = _neighbours(profile, groups, i, values)
        found.append(CallersCallees(row, above, below))
    return found


def _sums(profile: Profile, groups: FrameGroups, values: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return (flat, cumulative) int64[n_groups] for int64[n_stacks]."""
    rows = Rows(profile.stacks.offsets, groups.group_of[profile.stacks.frame_ids])
    size = len(groups.frames)
    some = np.flatnonzero(rows.lengths() > 0)
    flat = sum_by(rows.flat[rows.offsets[some]], values[some], size)
    pairs = distinct(rows.owners().astype(np.int64) * max(size, 1) + rows.flat)
    return flat, sum_by(pairs % max(size, 1), values[pairs // max(size, 1)], size)


def _neighbours(
    profile: Profile, groups: FrameGroups, chosen: int, values: Int64Array
) -> tuple[tuple[Neighbour, ...], tuple[Neighbour, ...]]:
    """Return (callers, callees) of a group; a call within the group itself is neither."""
    rows = rows_of(profile.stacks)
    group, owner = groups.group_of[rows.flat], rows.owners()
    callee, caller, stack = group[:-1], group[1:], owner[:-1]
    calls = (owner[1:] == stack) & (callee != caller)
    into, out = np.flatnonzero(calls & (callee == chosen)), np.flatnonzero(calls & (caller == chosen))
    return (
        _ranked(groups, caller[into], stack[into], values),
        _ranked(groups, callee[out], stack[out], values),
    )


def _ranked(
    groups: FrameGroups, others: IntArray, stacks: IntArray, values: Int64Array
) -> tuple[Neighbour, ...]:
    """Return the neighbours with what passes between them, each stack counted once, largest first."""
    size = max(len(groups.frames), 1)
    once = distinct(stacks.astype(np.int64) * size + others)
    passed = sum_by(once % size, values[once // size], size)
    present = np.flatnonzero(passed)
    order = present[np.lexsort((present, -np.abs(passed[present])))]
    return tuple(Neighbour(groups.frames[i], int(passed[i])) for i in order.tolist())
