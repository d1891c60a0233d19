"""64-bit hashes of whole stacks, the same from the compiled and from the pure path.

A stack's hash is the sum over its locations of ``location hash × odd number of the position``, plus its length times a
constant, modulo 2**64; a location's hash is splitmix64 of its address, or of its frames' names and lines.
"""

import numpy as np

from profiler_server.codecs.pprof_message import PprofMessage
from profiler_server.codecs.pprof_stacks import address_names, check_ids, positions_of
from profiler_server.core.profile import BoolArray, Int64Array, UInt64Array
from profiler_server.core.stacks import Rows, mix64
from profiler_server.core.validate import ProfileLimits

POSITION_STEP = np.uint64(0x9E3779B97F4A7C15)
LENGTH_STEP = np.uint64(0xBF58476D1CE4E5B9)
_ONE = np.uint64(1)
_STEP = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def address_hashes(message: PprofMessage) -> UInt64Array:
    """Return uint64[n], the stacks of a checked message by the addresses of their locations.

    Raises `InvalidProfile` for bad ids.
    """
    return _stack_hashes(message, mix64(message.locations[:, 2]))


def content_hashes(message: PprofMessage, limits: ProfileLimits) -> UInt64Array:
    """Return uint64[n], the stacks of a checked message by the names, files and lines of their frames.

    A location without lines goes by its address. Raises `InvalidProfile` for bad ids.
    """
    rows = Rows(message.line_offsets, np.arange(len(message.lines), dtype=np.int32))
    line_hashes = _line_hashes(message)
    locations = mix64(_ordered_sums(rows, line_hashes))
    bare = np.flatnonzero(rows.lengths() == 0)
    locations[bare] = [string_hash(name.encode()) for name in address_names(message, bare, limits)]
    return _stack_hashes(message, locations)


def build_of(message: PprofMessage) -> int:
    """Return a hash of all that gives addresses their meaning: the mappings, their files and build ids."""
    build = 0
    for _, start, limit, offset, file, build_id in message.mappings.tolist():
        names = (string_hash(message.raw_string(index)) for index in (file, build_id))
        for part in (start, limit, offset, *names):
            build = _mix(build + part)
    return build


def rules_of(message: PprofMessage) -> int:
    """Return a hash of what will be cut from the stacks, 0 for nothing."""
    drop, keep = (message.raw_string(message.header_field(field)) for field in ("drop_frames", "keep_frames"))
    return _mix(string_hash(drop) + _mix(string_hash(keep))) if drop or keep else 0


def string_hash(text: bytes) -> int:
    """Return a 64-bit hash of bytes: eight at a time, little-endian, the last padded with zeros."""
    total, odd = len(text), _STEP
    for at in range(0, len(text), 8):
        total += _mix(int.from_bytes(text[at : at + 8], "little") ^ odd)
        odd = (odd + _STEP) & _MASK
    return _mix(total)


def _mix(number: int) -> int:
    x = (number + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def _stack_hashes(message: PprofMessage, location_hashes: UInt64Array) -> UInt64Array:
    ids = message.locations[:, 0]
    check_ids("location", ids)
    places = positions_of(ids, message.location_ids, "location")
    rows = Rows(message.sample_offsets, places)
    return _ordered_sums(rows, location_hashes) + rows.lengths().astype(np.uint64) * LENGTH_STEP


def _ordered_sums(rows: Rows, hashes: UInt64Array) -> UInt64Array:
    """Return uint64[n]: per row the sum of each element's hash times the odd number of its position."""
    odd = ((rows.positions().astype(np.uint64) + _ONE) * POSITION_STEP) | _ONE
    sums = np.zeros(len(rows.flat) + 1, np.uint64)
    np.cumsum(hashes[rows.flat] * odd, out=sums[1:])
    return sums[rows.offsets[1:]] - sums[rows.offsets[:-1]]


def _line_hashes(message: PprofMessage) -> UInt64Array:
    function_ids = message.functions[:, 0].view(np.uint64)
    check_ids("function", function_ids)
    names = _function_hashes(message)
    hashes = np.zeros(len(message.lines), np.uint64)
    named: BoolArray = message.lines[:, 0] != 0
    places = positions_of(function_ids, message.lines[named, 0].view(np.uint64), "function")
    hashes[named] = names[places]
    return mix64(hashes + mix64(message.lines[:, 1].view(np.uint64)))


def _function_hashes(message: PprofMessage) -> UInt64Array:
    """Return uint64[n_functions] of the name (or the system's name) and the file."""
    columns = message.functions
    chosen: Int64Array = np.where(columns[:, 1] != 0, columns[:, 1], columns[:, 2])
    used = np.unique(np.concatenate([chosen, columns[:, 3]]))
    hashes = np.zeros(len(message.strings), np.uint64)
    hashes[used] = [string_hash(message.raw_string(i)) for i in used.tolist()]
    return mix64(hashes[chosen] + mix64(hashes[columns[:, 3]]))
