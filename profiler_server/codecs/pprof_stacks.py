"""From the columns of a pprof message to frames and stacks: ids resolved, inlining unfolded, frames dropped."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from profiler_server.codecs.pprof_message import PprofMessage
from profiler_server.core.errors import InvalidProfile, ProfilerError
from profiler_server.core.patterns import Pattern
from profiler_server.core.profile import BoolArray, Frame, Int32Array, Int64Array, IntArray, UInt64Array
from profiler_server.core.stacks import Rows, expand, keep_elements, offsets_of
from profiler_server.core.validate import LINE_BOUND, ProfileLimits

_PARENTHESIS = re.compile(r"\(anonymous namespace\)|operator\(\)|\(")


@dataclass(frozen=True, eq=False)
class SymbolTable:
    """The distinct frames of a message and, per location (in wire order), its frames leaf first."""

    frames: tuple[Frame, ...]
    frames_of: Rows
    ids: UInt64Array

    @classmethod
    def of(cls, message: PprofMessage, limits: ProfileLimits) -> "SymbolTable":
        """Resolve functions, files and lines; a location without lines becomes a frame named by its address.

        Raises `InvalidProfile` for ids that are zero, doubled or unknown.
        """
        location_ids = message.locations[:, 0]
        check_ids("location", location_ids)
        check_ids("mapping", message.mappings[:, 0].view(np.uint64))
        known: dict[Frame, int] = {}
        line_frames = _line_frames(message, limits, known)
        rows = Rows(message.line_offsets, line_frames)
        rows = _named_by_address(message, limits, rows, known)
        return cls(tuple(known), rows, location_ids)


def stack_rows(message: PprofMessage, symbols: SymbolTable, limits: ProfileLimits) -> Rows:
    """Return the frames of every sample, leaf first, as indices of `symbols.frames`.

    Raises `InvalidProfile` for an unknown location, `LimitExceeded` for stacks too deep or too many frames.
    """
    locations = Rows(message.sample_offsets, positions_of(symbols.ids, message.location_ids, "location"))
    dropped = _drop_pattern(message, limits, "drop_frames")
    frames_of = symbols.frames_of
    if dropped is not None:
        kept = _drop_pattern(message, limits, "keep_frames")
        locations, frames_of = _without_uninteresting(locations, symbols, dropped, kept)
    per_location = frames_of.lengths()[locations.flat].astype(np.int64)
    totals = np.zeros(len(per_location) + 1, np.int64)
    np.cumsum(per_location, out=totals[1:])
    limits.check("stack_frames", int(totals[-1]))
    limits.check("stack_depth", int(np.diff(totals[locations.offsets]).max(initial=0)))
    return expand(locations, frames_of)


def check_ids(what: str, ids: UInt64Array) -> None:
    """Raise `InvalidProfile` unless the ids uint64[n] are unique and not zero."""
    if len(ids) and (int(ids.min()) == 0 or len(np.unique(ids)) < len(ids)):
        raise InvalidProfile(f"The ids of {what}s must be unique and not zero.")


def positions_of(ids: UInt64Array, wanted: UInt64Array, what: str) -> Int32Array:
    """Return int32[len(wanted)]: where each id stands in `ids`. Raises `InvalidProfile` for an unknown one."""
    if len(ids) and np.array_equal(ids, np.arange(1, len(ids) + 1, dtype=np.uint64)):
        if len(wanted) and (int(wanted.max()) > len(ids) or int(wanted.min()) == 0):
            raise InvalidProfile(f"A {what} id is used that the profile does not define.")
        return (wanted - np.uint64(1)).astype(np.int32)
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[order], wanted)
    if len(wanted) and (not len(ids) or place.max() >= len(ids) or (ids[order][place] != wanted).any()):
        raise InvalidProfile(f"A {what} id is used that the profile does not define.")
    return order[place].astype(np.int32)


def _line_frames(message: PprofMessage, limits: ProfileLimits, known: dict[Frame, int]) -> Int32Array:
    """Return int32[n_lines]: the frame of every line; new frames are added to `known`."""
    function_ids = message.functions[:, 0].view(np.uint64)
    check_ids("function", function_ids)
    row = np.full(len(message.lines), -1, np.int64)
    named = message.lines[:, 0] != 0
    row[named] = positions_of(function_ids, message.lines[named, 0].view(np.uint64), "function")
    numbers = message.lines[:, 1]
    number = np.where((numbers >= 0) & (numbers < LINE_BOUND), numbers, 0)
    distinct, inverse = np.unique((row << 32) | number, return_inverse=True)
    names = _function_names(message, limits, np.unique(distinct >> 32))
    ids = [
        known.setdefault(Frame(*names[key >> 32], key & 0xFFFFFFFF), len(known)) for key in distinct.tolist()
    ]
    return np.array(ids, np.int32)[inverse] if ids else np.zeros(0, np.int32)


def _function_names(
    message: PprofMessage, limits: ProfileLimits, rows: Int64Array
) -> dict[int, tuple[str, str]]:
    """Return (function, file) by row of the function table; −1, a line without a function, has no name."""
    names = {-1: ("", "")}
    for row in rows.tolist():
        if row >= 0:
            _, name, system_name, file = message.functions[row].tolist()
            names[row] = (message.string(name or system_name, limits), message.string(file, limits))
    return names


def _named_by_address(
    message: PprofMessage, limits: ProfileLimits, rows: Rows, known: dict[Frame, int]
) -> Rows:
    """Give the locations without lines one frame each, named by file and address."""
    bare = np.flatnonzero(rows.lengths() == 0)
    if not len(bare):
        return rows
    ids = [known.setdefault(Frame(name), len(known)) for name in address_names(message, bare, limits)]
    lengths = rows.lengths()
    lengths[bare] = 1
    offsets = offsets_of(lengths)
    flat = np.empty(offsets[-1], np.int32)
    flat[offsets[bare]] = ids
    given = np.ones(len(flat), np.bool_)
    given[offsets[bare]] = False
    flat[given] = rows.flat
    return Rows(offsets, flat)


def address_names(message: PprofMessage, which: IntArray, limits: ProfileLimits) -> list[str]:
    """Return what to call locations without lines: "[libfoo.so] 0x1f30", the same in every process."""
    files = _mapped_files(message, limits)
    return [_address_name(files, *row) for row in message.locations[which, 1:].tolist()]


def _mapped_files(message: PprofMessage, limits: ProfileLimits) -> dict[int, tuple[str, int]]:
    """Return by mapping id (file name, what to take off an address to make it the same in every process)."""
    files = {}
    for row in message.mappings.tolist():
        name = PurePosixPath(message.string(row[4], limits)).name
        files[row[0] & 0xFFFFFFFFFFFFFFFF] = (name, row[1] - row[3])
    return files


def _address_name(files: dict[int, tuple[str, int]], mapping: int, address: int) -> str:
    if not address:
        return "[unknown]"
    name, shift = files.get(mapping, ("", 0))
    return f"[{name}] 0x{(address - shift) % 2**64:x}" if name else f"0x{address:x}"


def _drop_pattern(message: PprofMessage, limits: ProfileLimits, field: str) -> Pattern | None:
    text = message.string(message.header_field(field), limits)
    if not text:
        return None
    try:
        return Pattern.compile(text)
    except ProfilerError as error:
        raise InvalidProfile(f"{field} cannot be used: {error.message}") from error


def _without_uninteresting(
    locations: Rows, symbols: SymbolTable, dropped: Pattern, kept: Pattern | None
) -> tuple[Rows, Rows]:
    """Cut every stack at its rootmost dropped frame that has a caller of interest (pprof's `Profile.Prune`).

    Within a location the matching line and those inlined into it go; a location whose outermost line matches goes
    whole. What is at the root of a stack, before the first frame of interest, stays.
    """
    bad = _uninteresting([frame.function for frame in symbols.frames], dropped, kept)
    rows = symbols.frames_of
    position = rows.positions()
    last_bad = np.full(len(rows), -1, np.int64)
    matching = np.flatnonzero(bad[rows.flat]) if len(rows.flat) else np.zeros(0, np.int64)
    np.maximum.at(last_bad, rows.owners()[matching], position[matching])
    whole = (last_bad >= 0) & (last_bad == rows.lengths() - 1)
    cut_at = np.where(whole, -1, last_bad)
    trimmed = keep_elements(rows, position > np.repeat(cut_at, rows.lengths()))
    starts = _prune_points(locations, last_bad >= 0, whole)
    return keep_elements(locations, locations.positions() >= np.repeat(starts, locations.lengths())), trimmed


def _uninteresting(functions: list[str], dropped: Pattern, kept: Pattern | None) -> BoolArray:
    """Return bool[n]: the name matches the pattern to drop and not the one to keep; an empty name never does."""
    names = [_without_arguments(function) for function in functions]
    bad = np.array(dropped.fullmatch(names), np.bool_) & np.array(
        [bool(function) for function in functions], np.bool_
    )
    return bad if kept is None else bad & ~np.array(kept.fullmatch(names), np.bool_)


def _without_arguments(function: str) -> str:
    """Return a name up to its argument list, as pprof matches it; "(anonymous namespace)" is not one."""
    name = function.removeprefix(".")
    for found in _PARENTHESIS.finditer(name):
        if found.group() == "(":
            return name[: found.start()]
    return name


def _prune_points(locations: Rows, beneath: BoolArray, whole: BoolArray) -> Int64Array:
    """Return int64[n]: where each stack now begins, counted from its old leaf."""
    starts = np.zeros(len(locations), np.int64)
    for i in np.unique(locations.owners()[beneath[locations.flat]]).tolist():
        stack = locations.flat[locations.offsets[i] : locations.offsets[i + 1]]
        plain = np.flatnonzero(~beneath[stack])
        if len(plain):
            hits = np.flatnonzero(beneath[stack[: plain[-1]]])
            if len(hits):
                starts[i] = hits[-1] + int(whole[stack[hits[-1]]])
    return starts
