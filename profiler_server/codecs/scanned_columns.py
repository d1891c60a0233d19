"""What a scan of a pprof message finds, and how it is found in columns where the compiled scan does not serve."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from profiler_server.codecs.pprof_message import RESERVED_LABELS, PprofMessage
from profiler_server.codecs.stack_hashes import address_hashes, build_of, content_hashes, rules_of
from profiler_server.core.profile import Int64Array, UInt64Array
from profiler_server.core.stacks import mix64
from profiler_server.core.validate import ProfileLimits

BLOCK_LABEL = b"bytes"


@dataclass(frozen=True, eq=False)
class ScannedColumns:
    """Values and keys, sample by sample, and what was said once.

    `values` int64[n, t] · `keys` uint64[n] · `block_bytes` int64[n] · `texts`: names and units of the t sample types
    in turn, the default type, and name and unit of the period where there is one.
    """

    values: Int64Array
    keys: UInt64Array
    block_bytes: Int64Array
    build: int
    has_build_id: bool
    has_other_labels: bool
    content_keys: bool
    time_ns: int
    duration_ns: int
    period: int
    texts: tuple[bytes, ...]


class Parse(Protocol):
    """Reads a message into columns."""

    def __call__(self, buffer: bytes, limits: ProfileLimits, *, symbols: bool = True) -> PprofMessage:
        """Return the columns; without `symbols` lines and functions are skipped over."""
        ...


def scan_message(parse: Parse, buffer: bytes, limits: ProfileLimits, content_keys: bool) -> ScannedColumns:
    """Return what a message says without its symbols; raises `InvalidProfile` and `LimitExceeded`."""
    message = parse(buffer, limits, symbols=content_keys).checked()
    if not content_keys and not message.locations[:, 2].all():
        content_keys = True
        message = parse(buffer, limits).checked()
    if content_keys:
        hashes, build, has_build_id = content_hashes(message, limits), rules_of(message), False
    else:
        hashes = address_hashes(message)
        build, has_build_id = build_of(message) ^ rules_of(message), _has_build_id(message)
    block_bytes, has_other_labels = _block_bytes(message)
    return ScannedColumns(
        values=message.values,
        keys=mix64(hashes ^ mix64(block_bytes.view(np.uint64) + np.uint64(build))),
        block_bytes=block_bytes,
        build=build,
        has_build_id=has_build_id,
        has_other_labels=has_other_labels,
        content_keys=content_keys,
        time_ns=message.header_field("time_nanos"),
        duration_ns=message.header_field("duration_nanos"),
        period=message.header_field("period"),
        texts=_texts(message),
    )


def _texts(message: PprofMessage) -> tuple[bytes, ...]:
    indices = [
        *message.sample_types.ravel().tolist(),
        message.header_field("default_sample_type"),
        *message.period_type.ravel().tolist(),
    ]
    return tuple(message.raw_string(index) for index in indices)


def _has_build_id(message: PprofMessage) -> bool:
    return len(message.mappings) > 0 and bool(message.raw_string(int(message.mappings[0, 5])))


def _block_bytes(message: PprofMessage) -> tuple[Int64Array, bool]:
    """Return int64[n] of the numeric label "bytes", and whether there is any other label or a second "bytes"."""
    block_bytes = np.zeros(len(message), np.int64)
    keys, owners = message.labels[:, 0], message.label_samples
    names = {key: message.raw_string(key) for key in np.unique(keys).tolist()}
    is_size = np.isin(keys, [key for key, name in names.items() if name == BLOCK_LABEL])
    is_size &= message.labels[:, 1] == 0
    ignored = np.isin(keys, [key for key, name in names.items() if _is_ignored(name)])
    block_bytes[owners[is_size]] = message.labels[is_size, 2]
    others = bool((~is_size & ~ignored).any())
    return block_bytes, others or bool((np.diff(owners[is_size]) == 0).any())


def _is_ignored(key: bytes) -> bool:
    return not key or key.startswith(RESERVED_LABELS.encode())
