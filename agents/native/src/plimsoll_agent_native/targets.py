"""The sampled objects of a call site that are alive: what a search for holders looks for."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from typing import NamedTuple, cast

from plimsoll_agent_native import _native

Site = Sequence[tuple[str, str, int]]
_LIVE_RECORD = struct.Struct("=QQIf")


class Target(NamedTuple):
    """One sampled object."""

    address: int
    size: int
    objects: float  # that this sample stands for
    bytes: float


def targets_of(site: Site) -> list[Target]:
    """Return the live samples of the stacks that begin with the site's frames, leaf first."""
    columns = _native.columns(True)
    stacks = _matching_stacks(columns, list(site))
    live = cast("bytes", columns["live"])
    targets = []
    for address, size, stack, interval in _LIVE_RECORD.iter_unpack(live):
        if stack in stacks:
            chance = -math.expm1(-max(size, 1) / interval)
            targets.append(Target(address, size, 1 / chance, size / chance))
    return targets


def _matching_stacks(columns: dict[str, object], site: list[tuple[str, str, int]]) -> set[int]:
    """Records of the stack table whose leaf-most frames are the site's; lines are ignored if none match."""
    frames = cast("list[tuple[str, str, int]]", columns["frames"])
    for with_lines in (True, False):
        parts = 3 if with_lines else 2
        wanted = [{i for i, frame in enumerate(frames) if frame[:parts] == step[:parts]} for step in site]
        found = _stacks_that_start_with(columns, wanted)
        if found:
            return found
    return set()


def _stacks_that_start_with(columns: dict[str, object], wanted: list[set[int]]) -> set[int]:
    offsets = array("i", cast("bytes", columns["offsets"]))
    frame_ids = array("i", cast("bytes", columns["frame_ids"]))
    stacks = array("I", cast("bytes", columns["stacks"]))
    found = set()
    for row, stack in enumerate(stacks):
        first = offsets[row]
        if offsets[row + 1] - first < len(wanted):
            continue
        if all(frame_ids[first + i] in ids for i, ids in enumerate(wanted)):
            found.add(stack)
    return found
