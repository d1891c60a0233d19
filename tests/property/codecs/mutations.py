"""Damaged pprof bodies: real and small profiles with bytes changed, cut, added or repeated."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from tests.golden.pprof_tool import FOLDER

REAL = tuple(
    gzip.decompress((FOLDER / f"{name}.pb.gz").read_bytes())
    for name in (
        "context_leak_early",
        "py_module_list_early",
        "cgo_malloc_late",
        "node_heap",
        "pyroscope_python",
    )
)


def damaged(body: bytes, random: Random) -> bytes:
    """Return the body after a few random accidents; half of them change numbers and leave the framing whole."""
    changed = bytearray(body)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(changed) + 1)
        kind = random.randrange(10)
        if kind >= 5:
            _renumber(changed, at, random)
        elif kind == 0:
            del changed[at:]
        elif kind == 1:
            changed[at : at + 1] = bytes([random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))])
        elif kind == 2:
            changed[at:at] = random.choice(
                (b"\xff" * random.randrange(1, 12), random.randbytes(random.randrange(1, 20)))
            )
        elif kind == 3:
            del changed[at : at + random.randrange(1, 20)]
        else:
            changed[at:at] = changed[random.randrange(len(changed) + 1) :][: random.randrange(200)]
    return bytes(changed)


def _renumber(changed: bytearray, at: int, random: Random) -> None:
    """Change some bytes behind `at` without changing where a number ends."""
    for i in range(at, min(at + random.choice((1, 1, 2, 30)), len(changed))):
        changed[i] = (changed[i] & 0x80) | random.choice((0, 1, 2, 0x7F, random.randrange(128)))


@dataclass(frozen=True)
class Case:
    """A body that can be told in a line: plain bytes, or a real profile and the seed of its accidents."""

    raw: bytes = b""
    source: int | None = None
    seed: int = 0

    @property
    def body(self) -> bytes:
        return self.raw if self.source is None else damaged(REAL[self.source], Random(self.seed))


def cases() -> st.SearchStrategy[Case]:
    """Arbitrary bytes, or damaged profiles of the real world."""
    accidents = st.builds(Case, source=st.integers(0, len(REAL) - 1), seed=st.integers(0, 2**32))
    return st.one_of(st.builds(Case, raw=st.binary(max_size=80)), accidents)
