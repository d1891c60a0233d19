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
from hashlib import blake2b

import numpy as np

from profiler_server.codecs import engine
from profiler_server.codecs.compression import unpack
from profiler_server.codecs.pprof_message import RESERVED_LABELS, PprofMessage
from profiler_server.codecs.pprof_stacks import SymbolTable, stack_rows
from profiler_server.core.profile import Int64Array, IntArray, SampleType, StackTable, UInt64Array
from profiler_server.core.stacks import mix64
from profiler_server.core.validate import DEFAULT_LIMITS, ProfileLimits

BLOCK_LABEL = b"bytes"


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
    buffer = unpack(body, limits.unpacked_bytes)
    columns = parser.parse_hashed(buffer, limits, by_content=False)
    content_keys = not columns.complete
    if content_keys:
        columns = parser.parse_hashed(buffer, limits, by_content=True)
    message = columns.message
    build, has_build_id = (_rules_of(message), False) if content_keys else _build_of(message)
    block_bytes, has_other_labels = _block_bytes(message)
    period = message.period_type.tolist()
    return Scan(
        sample_types=message.sample_type_names(limits),
        default_sample_type=message.string(message.header_field("default_sample_type"), limits),
        values=message.values,
        keys=mix64(columns.stack_hashes ^ mix64(block_bytes.view(np.uint64) + np.uint64(build))),
        block_bytes=block_bytes,
        has_other_labels=has_other_labels,
        content_keys=content_keys,
        build=build,
        has_build_id=has_build_id,
        time_ns=message.header_field("time_nanos"),
        duration_ns=message.header_field("duration_nanos"),
        period_type=SampleType(*(message.string(i, limits) for i in period[0])) if period else None,
        period=message.header_field("period"),
    )


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


def _build_of(message: PprofMessage) -> tuple[int, bool]:
    """Return (a hash of all that gives addresses their meaning, whether the first mapping has a build id)."""
    digest = blake2b(message.mappings[:, 1:4].tobytes(), digest_size=8)
    names = [message.raw_string(i) for i in message.mappings[:, 4:].ravel().tolist()]
    digest.update(b"\0".join(names))
    build = int.from_bytes(digest.digest(), "little") ^ _rules_of(message)
    return build, bool(names and names[1])


def _rules_of(message: PprofMessage) -> int:
    """Return a hash of what will be cut from the stacks, 0 for nothing."""
    rules = [message.raw_string(message.header_field(field)) for field in ("drop_frames", "keep_frames")]
    return int.from_bytes(blake2b(b"\0".join(rules), digest_size=8).digest(), "little") if any(rules) else 0


def _block_bytes(message: PprofMessage) -> tuple[Int64Array, bool]:
    """Return int64[n] of the numeric label "bytes", and whether there is any other label or a second "bytes"."""
    block_bytes = np.zeros(len(message), np.int64)
    keys, owners = message.labels[:, 0], message.label_samples
    if not len(keys):
        return block_bytes, False
    is_size = message.labels[:, 1] == 0
    others = not bool(is_size.all())
    if not (keys == keys[0]).all() or message.raw_string(int(keys[0])) != BLOCK_LABEL:
        names = {key: message.raw_string(key) for key in np.unique(keys).tolist()}
        is_size &= np.isin(keys, [key for key, name in names.items() if name == BLOCK_LABEL])
        ignored = np.isin(keys, [key for key, name in names.items() if _is_ignored(name)])
        others = bool((~is_size & ~ignored).any())
    block_bytes[owners[is_size]] = message.labels[is_size, 2]
    return block_bytes, others or bool((np.diff(owners[is_size]) == 0).any())


def _is_ignored(key: bytes) -> bool:
    return not key or key.startswith(RESERVED_LABELS.encode())
