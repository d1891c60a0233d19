"""The fallback sampler: the standard library's tracemalloc, for development and short windows."""

from __future__ import annotations

import os
import tracemalloc
from typing import Any, Optional, Sequence

from plimsoll_agent.pprof import Encoder, Site
from plimsoll_agent.symbols import Symbols

MAX_STACKS = 5_000
SAMPLE_TYPES = (("inuse_objects", "count"), ("inuse_space", "bytes"))
_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_Stack = tuple[tuple[str, int], ...]


class TracedSampler:
    """tracemalloc behind the seam; leaves it alone where the host itself had switched it on."""

    name = "tracemalloc"

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._ours = False
        self._symbols = Symbols()

    @property
    def armed(self) -> bool:
        """True while tracemalloc traces, whoever began it."""
        return tracemalloc.is_tracing()

    def arm(self) -> None:
        """Switch tracemalloc on."""
        if not tracemalloc.is_tracing():
            tracemalloc.start(self._frames)
            self._ours = True

    def disarm(self) -> None:
        """Switch it off if we switched it on."""
        if self._ours:
            self._ours = False
            tracemalloc.stop()

    def live_bytes(self) -> Optional[float]:
        """Traced bytes now in use."""
        return float(tracemalloc.get_traced_memory()[0]) if tracemalloc.is_tracing() else None

    def own_bytes(self) -> float:
        """What tracemalloc's tables hold."""
        return float(tracemalloc.get_tracemalloc_memory()) if tracemalloc.is_tracing() else 0.0

    def encode(self, at: float) -> Optional[bytes]:
        """Group the live traces by stack and write the heaviest MAX_STACKS of them."""
        if not tracemalloc.is_tracing():
            return None
        totals = _group(tracemalloc.take_snapshot().traces._traces)  # type: ignore[attr-defined]
        heaviest = sorted(totals, key=lambda total: -total.bytes)
        encoder = Encoder(SAMPLE_TYPES)
        known: dict[tuple[str, int], int] = {}
        for total in heaviest[:MAX_STACKS]:
            encoder.add(
                [self._locate(encoder, known, frame) for frame in total.stack], (total.objects, total.bytes)
            )
        rest = heaviest[MAX_STACKS:]
        if rest:
            other = encoder.location(Site("other", "", 0))
            encoder.add([other], (sum(total.objects for total in rest), sum(total.bytes for total in rest)))
        return encoder.finish(time_ns=int(at * 1e9), period=1, default_type="inuse_space")

    def _locate(self, encoder: Encoder, known: dict[tuple[str, int], int], frame: tuple[str, int]) -> int:
        ident = known.get(frame)
        if ident is None:
            function = self._symbols.function_at(*frame)
            ident = known[frame] = encoder.location(Site(function, *frame))
        return ident


class _Total:
    """What one stack (leaf first) holds."""

    __slots__ = ("bytes", "objects", "stack")

    def __init__(self, stack: _Stack) -> None:
        self.stack = stack
        self.objects = 0
        self.bytes = 0


def _group(traces: Sequence[Any]) -> list[_Total]:
    """Objects and bytes by stack; what the agent itself allocated is left out.

    tracemalloc gives equal stacks as one tuple, so that the identity is the key: hashing nested tuples of
    every trace would take seconds.
    """
    totals: dict[int, _Total] = {}
    for trace in traces:
        stack = trace[2]
        total = totals.get(id(stack))
        if total is None:
            total = totals[id(stack)] = _Total(stack)
        total.objects += 1
        total.bytes += trace[1]
    return [total for total in totals.values() if not _is_own(total.stack)]


def _is_own(stack: _Stack) -> bool:
    return bool(stack) and stack[0][0].startswith(_OWN_FOLDER)
