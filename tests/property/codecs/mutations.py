"""Damaged pprof bodies: real and small profiles with bytes changed, cut, added or repeated."""

from __future__ import annotations

import gzip
from random import Random

from hypothesis import strategies as st

from tests.golden.pprof_tool import FOLDER

REAL = tuple(
    gzip.decompress((FOLDER / f"{name}.pb.gz").read_bytes())
    for name in ("context_leak_early", "py_module_list_early", "cgo_malloc_late")
)


def damaged(body: bytes, random: Random) -> bytes:
    """Return the body after one to three random accidents."""
    changed = bytearray(body)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(changed) + 1)
        kind = random.randrange(6)
        if kind == 0:
            del changed[at:]
        elif kind == 1:
            for _ in range(random.choice((1, 2, 8)) if changed else 0):
                changed[random.randrange(len(changed))] = random.choice(
                    (0, 1, 0x7F, 0x80, 0xFF, random.randrange(256))
                )
        elif kind == 2:
            changed[at:at] = bytes(random.randrange(256) for _ in range(random.randrange(1, 20)))
        elif kind == 3:
            del changed[at : at + random.randrange(1, 20)]
        elif kind == 4:
            changed[at:at] = changed[random.randrange(len(changed) + 1) :][: random.randrange(200)]
        else:
            changed[at:at] = b"\xff" * random.randrange(1, 12)
    return bytes(changed)


def bodies() -> st.SearchStrategy[bytes]:
    """Arbitrary bytes, or damaged profiles of the real world."""
    accidents = st.builds(damaged, st.sampled_from(REAL), st.integers(0, 2**32).map(Random))
    return st.one_of(st.binary(max_size=80), accidents)
