"""The steady-state reading of pprof bodies: values and a 64-bit key per stack, without touching a symbol.

A service sends the same stacks again and again. `scan` reads a body's values and hashes its stacks by the *addresses*
of their locations; a store keeps ``key → its own stack id`` in memory and asks `symbolise` for the few keys that it
has not seen. Profiles without addresses (Python, Node) are keyed by the content of their frames (`content_keys`).

::

    body = unpack(request_body, DEFAULT_LIMITS.unpacked_bytes)   # gunzip once, with a cap
    found = scan(body)
    missing = np.flatnonzero(ids_of(found.keys) < 0)             # the store's own table, per `found.build`
    table = symbolise(body, missing)                             # row i of the table is sample missing[i]

What may share a table of keys: content keys are good everywhere. Address keys are mixed with `build`, a hash of all
mappings; they may be shared between processes when `has_build_id`, else **only within one process life**, since two
builds may put different functions at the same address.

A key stands for one stack; several keys may stand for the same one (two calls on one line have two addresses). The
key covers the stack and the numeric label "bytes" (Go's size of a block). `block_bytes` gives that label, 0 without
one. Samples with other labels are flagged by `has_other_labels`: those need `pprof.decode`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from profiler_server.codecs import engine
from profiler_server.codecs.compression import unpack
from profiler_server.codecs.pprof_message import text_of
from profiler_server.codecs.pprof_stacks import SymbolTable, stack_rows
from profiler_server.core.profile import Int64Array, IntArray, SampleType, StackTable, UInt64Array
from profiler_server.core.validate import DEFAULT_LIMITS, ProfileLimits

MAX_REMEMBERED_NAMES = 64


@dataclass(frozen=True, eq=False)
class Scan:
    """What a body says without its symbols; samples in the order of the wire.

    `values` int64[n, t] · `keys` uint64[n] · `block_bytes` int64[n] · `build` identifies the mappings and
    the rules of frames to drop. Several samples may have the same key; their values add up.
    """

    sample_types: tuple[SampleType, ...]
    default_sample_type: str
    values: Int64Array
    keys: UInt64Array
    block_bytes: Int64Array
    has_other_labels: bool
    content_keys: bool
    build: int
    has_build_id: bool
    time_ns: int
    duration_ns: int
    period_type: SampleType | None
    period: int

    def __len__(self) -> int:
        return len(self.keys)


def scan(
    body: bytes, limits: ProfileLimits = DEFAULT_LIMITS, *, parser: engine.Parser = engine.PARSER
) -> Scan:
    """Return values and keys of a pprof body (gzip'd or not).

    Raises `InvalidProfile` or `LimitExceeded` like `pprof.decode`, except that symbols are not looked at when there
    are addresses: damage there shows only in `symbolise`.
    """
    found = parser.scan(unpack(body, limits.unpacked_bytes), limits)
    sample_types, default_sample_type, period_type = _names(found.texts, found.values.shape[1], limits)
    return Scan(
        sample_types=sample_types,
        default_sample_type=default_sample_type,
        values=found.values,
        keys=found.keys,
        block_bytes=found.block_bytes,
        has_other_labels=found.has_other_labels,
        content_keys=found.content_keys,
        build=found.build,
        has_build_id=found.has_build_id,
        time_ns=found.time_ns,
        duration_ns=found.duration_ns,
        period_type=period_type,
        period=found.period,
    )


@lru_cache(maxsize=MAX_REMEMBERED_NAMES)
def _names(
    texts: tuple[bytes, ...], types: int, limits: ProfileLimits
) -> tuple[tuple[SampleType, ...], str, SampleType | None]:
    """Return the sample types, the default one and the period's; nearly all bodies have the same."""
    names = [text_of(text, limits) for text in texts]
    pairs = [SampleType(*names[i : i + 2]) for i in range(0, 2 * types, 2)]
    period_type = SampleType(*names[2 * types + 1 :]) if len(names) > 2 * types + 1 else None
    return tuple(pairs), names[2 * types], period_type


def symbolise(
    body: bytes,
    which: IntArray,
    limits: ProfileLimits = DEFAULT_LIMITS,
    *,
    parser: engine.Parser = engine.PARSER,
) -> StackTable:
    """Return a table whose stack i is the stack of sample ``which[i]``, leaf first (equal stacks are not united).

    Only what those samples name is resolved, so that a few new stacks cost little. Raises as `pprof.decode` does.
    """
    message = parser.parse(unpack(body, limits.unpacked_bytes), limits).checked().only_samples(which)
    symbols = SymbolTable.of(message, limits)
    rows = stack_rows(message, symbols, limits)
    return StackTable(symbols.frames, rows.offsets, rows.flat.astype(np.int32))
