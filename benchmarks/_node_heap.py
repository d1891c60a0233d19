"""Real heap profiles of a Node program (`node_heap.js`), as V8's sampler gives them, for `benchmarks.store_size`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._day import Source
from profiler_server.core.profile import Frame, Int64Array, SampleType, StackTable
from profiler_server.profiles.interning import SiteTable
from profiler_server.profiles.shapes import Shape

PROGRAM = Path(__file__).with_name("node_heap.js")
PROFILES, MILLISECONDS_BETWEEN = 80, 250
PATIENCE_SECONDS = 120
TYPES = (SampleType("inuse_objects", "count"), SampleType("inuse_space", "bytes"))
Sums = Counter[tuple[tuple[Frame, ...], str]]


def has_node() -> bool:
    """Return whether Node is installed here."""
    return shutil.which("node") is not None


class NodeSource(Source):
    """What the program's profiles hold, played forwards and backwards; every instance begins elsewhere."""

    def __init__(self) -> None:
        recorded = [_sums(json.loads(line)) for line in _run()]
        stacks = list(dict.fromkeys(stack for sums in recorded for stack, _ in sums))
        frames = tuple(dict.fromkeys(frame for stack in stacks for frame in stack))
        ids = {frame: i for i, frame in enumerate(frames)}
        offsets = np.cumsum([0, *map(len, stacks)]).astype(np.int32)
        flat = np.array([ids[frame] for stack in stacks for frame in stack], np.int32)
        zeros = np.zeros(len(stacks), np.int64)
        table = SiteTable(StackTable(frames, offsets, flat), np.arange(len(stacks)), ((),), zeros)
        super().__init__(table, Shape(TYPES), zeros)
        places = {stack: i for i, stack in enumerate(stacks)}
        values = np.zeros((len(recorded), len(stacks), 2), np.int64)
        for number, sums in enumerate(recorded):
            for (stack, what), value in sums.items():
                values[number, places[stack], what == "bytes"] = value
        object.__setattr__(self, "recorded", values)

    def values(self, seed: int, profiles: int) -> Iterator[Int64Array]:
        recorded: Int64Array = self.recorded  # type: ignore[attr-defined]
        there_and_back = [*range(len(recorded)), *range(len(recorded) - 2, 0, -1)]
        for number in range(profiles):
            yield recorded[there_and_back[(seed * 7 + number) % len(there_and_back)]]


def _run() -> list[str]:
    command = ["node", str(PROGRAM), str(PROFILES), str(MILLISECONDS_BETWEEN)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    return done.stdout.splitlines()


def _sums(profile: dict[str, Any]) -> Sums:
    """Return objects and bytes by stack, leaf first."""
    stacks: dict[int, tuple[Frame, ...]] = {}
    waiting: list[tuple[dict[str, Any], tuple[Frame, ...]]] = [(profile["head"], ())]
    while waiting:
        node, above = waiting.pop()
        call = node["callFrame"]
        own = Frame(call["functionName"] or "(anonymous)", call["url"], call["lineNumber"] + 1)
        stacks[node["id"]] = (own, *above)
        waiting += [(child, stacks[node["id"]]) for child in node["children"]]
    sums: Sums = Counter()
    for sample in profile["samples"]:
        stack = stacks[sample["nodeId"]]
        sums[(stack, "objects")] += 1
        sums[(stack, "bytes")] += int(sample["size"])
    return sums
