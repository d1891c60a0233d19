"""Which stacks' objects an agent should look for: the steepest one that passes through the first suspect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.leak.model import SiteTable, Suspect
from profiler_server.core.profile import FloatArray, Frame

MAX_SITE_FRAMES = 32
COMPARED_SHARE = 1 / 3


def growing_site(tables: Sequence[SiteTable], suspect: Suspect) -> tuple[Frame, ...]:
    """Return frames from the leaf up to the suspect, of the stack through it that grew most; empty when none does.

    An agent matches a site against the leaf-most frames of its live objects' stacks, so the frames below the suspect
    belong to it.
    """
    best: tuple[float, tuple[Frame, ...]] = (0.0, ())
    for table in tables:
        risen = _risen(table.inuse_bytes)
        for stack, bytes_risen in zip(table.stacks, risen.tolist(), strict=True):
            depth = _depth_of(stack, suspect)
            if depth is not None and bytes_risen > best[0]:
                best = (bytes_risen, stack[: depth + 1])
    return best[1] if len(best[1]) <= MAX_SITE_FRAMES else ()


def _risen(inuse_bytes: FloatArray) -> FloatArray:
    """Return f64[n_stacks]: the mean of the last third less that of the first."""
    part = max(1, int(inuse_bytes.shape[1] * COMPARED_SHARE))
    risen: FloatArray = np.mean(inuse_bytes[:, -part:], axis=1) - np.mean(inuse_bytes[:, :part], axis=1)
    return risen


def _depth_of(stack: tuple[Frame, ...], suspect: Suspect) -> int | None:
    """Return how far from the leaf the suspect stands in the stack, None when it is not in it."""
    for depth, frame in enumerate(stack):
        if frame.function == suspect.function and frame.file == suspect.file:
            return depth
    return None
