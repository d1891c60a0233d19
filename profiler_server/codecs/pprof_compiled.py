"""The compiled parser behind the same two doors as its pure twin."""

import numpy as np

from profiler_server.codecs import _fast_pprof
from profiler_server.codecs.pprof_message import PprofMessage
from profiler_server.codecs.stack_hashes import HashedColumns, hashed_by_address, hashed_by_content
from profiler_server.core.profile import Int32Array, Int64Array, UInt64Array
from profiler_server.core.validate import ProfileLimits

_NO_OFFSETS: Int32Array = np.zeros(1, np.int32)
_NO_IDS: UInt64Array = np.zeros(0, np.uint64)
_NO_LINES: Int64Array = np.zeros((0, 2), np.int64)
_NO_FUNCTIONS: Int64Array = np.zeros((0, 4), np.int64)


def parse(buffer: bytes, limits: ProfileLimits, *, symbols: bool = True) -> PprofMessage:
    """Return the columns of an unpacked message; see the twin."""
    return PprofMessage(buffer=buffer, **_fast_pprof.parse_columns(buffer, limits, symbols))


def parse_hashed(buffer: bytes, limits: ProfileLimits, *, by_content: bool) -> HashedColumns:
    """Return the columns and the hashes of the stacks, by address or by content; see the twin."""
    found = _fast_pprof.hash_columns(buffer, limits, by_content)
    if found is None:
        message = parse(buffer, limits, symbols=by_content)
        return hashed_by_content(message, limits) if by_content else hashed_by_address(message)
    columns, hashes = found
    message = PprofMessage(
        buffer=buffer,
        **columns,
        sample_offsets=_NO_OFFSETS,
        location_ids=_NO_IDS,
        line_offsets=_NO_OFFSETS,
        lines=_NO_LINES,
        functions=_NO_FUNCTIONS,
    )
    return HashedColumns(
        message.checked(), _NO_IDS if hashes is None else hashes, complete=hashes is not None
    )
