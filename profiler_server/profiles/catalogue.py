"""The table of contents of a chunk: when its profiles were taken, how long and large they are, their totals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler_server.core.profile import BoolArray, Int64Array
from profiler_server.storage.columns import pack, pack_rising, unpack, unpack_rising
from profiler_server.storage.sealing import seal, unseal


@dataclass(frozen=True, eq=False)
class Catalogue:
    """`taken_us` int64[t] microseconds since 1970, rising; `durations_ns`, `samples` int64[t]; `totals` int64[t, k]."""

    taken_us: Int64Array
    durations_ns: Int64Array
    samples: Int64Array
    totals: Int64Array

    def __len__(self) -> int:
        return len(self.taken_us)

    def select(self, which: BoolArray) -> Catalogue:
        """Return the entries of a mask bool[t]."""
        return Catalogue(
            self.taken_us[which], self.durations_ns[which], self.samples[which], self.totals[which]
        )


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """Return the catalogue as a sealed block."""
    times, types = catalogue.totals.shape
    head = times.to_bytes(4, "little") + types.to_bytes(1, "little")
    columns = [pack_rising(catalogue.taken_us), pack(catalogue.durations_ns), pack(catalogue.samples)]
    totals = [pack(np.diff(column, prepend=0)) for column in catalogue.totals.T]
    return seal(head + b"".join(columns + totals))


def decode_catalogue(block: bytes | memoryview) -> Catalogue:
    """Undo `encode_catalogue`. Raises `DamagedBlock`."""
    payload = unseal(block)
    times, types, offset = int.from_bytes(payload[:4], "little"), payload[4], 5
    taken, offset = unpack_rising(payload, offset, times)
    durations, offset = unpack(payload, offset, times)
    samples, offset = unpack(payload, offset, times)
    totals = np.zeros((times, types), np.int64)
    for column in range(types):
        steps, offset = unpack(payload, offset, times)
        totals[:, column] = np.cumsum(steps)
    return Catalogue(taken, durations, samples, totals)
