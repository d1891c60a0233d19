"""The binary columns of a flame tree say exactly what the tree says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from profiler_server.codecs.flame_payload import ALIGNMENT, MAGIC, encode_flame
from profiler_server.core.profile import Frame, Profile, SampleType, StackTable
from profiler_server.core.tree import FlameTree, diff_tree, flame_tree

MAIN, RUN, PARSE, KEEP = (
    Frame(name, f"/app/{name}.py", line) for line, name in enumerate(("main", "run", "parse", "keep"), 1)
)
DTYPES = {"u1": "<u1", "u2": "<u2", "u4": "<u4", "f8": "<f8"}


def a_profile(values: dict[tuple[Frame, ...], int]) -> Profile:
    """Return a profile of stacks written root first."""
    frames = (MAIN, RUN, PARSE, KEEP)
    stacks = [[frames.index(frame) for frame in reversed(stack)] for stack in values]
    table = StackTable(
        frames,
        np.cumsum([0, *map(len, stacks)]).astype(np.int32),
        np.array([i for stack in stacks for i in stack], np.int32),
    )
    return Profile(
        (SampleType("inuse_space", "bytes"),), table, np.arange(len(stacks), dtype=np.int32),
        np.array(list(values.values()), np.int64)[:, None], ((),), np.zeros(len(stacks), np.int32),
    )  # fmt: skip


class Reader:
    """Reads a payload as the browser does."""

    def __init__(self, body: bytes) -> None:
        assert body[:4] == MAGIC
        length = int.from_bytes(body[4:8], "little")
        self.header: dict[str, Any] = json.loads(body[8 : 8 + length])
        self.content = body[8 + length + (-(8 + length) % ALIGNMENT) :]

    def column(self, key: str) -> npt.NDArray[Any]:
        at = self.header["columns"][key]
        assert at["offset"] % ALIGNMENT == 0
        return np.frombuffer(self.content, DTYPES[at["dtype"]], at["length"], at["offset"])

    def strings(self, key: str) -> list[str]:
        at = self.header["strings"][key]
        return self.content[at["offset"] : at["offset"] + at["length"]].decode().split("\n")

    def depth(self) -> list[int]:
        depths, here = [], 0
        for i, climbed in enumerate(self.column("up").tolist()):
            here = here + 1 - climbed if i else 0
            depths.append(here)
        return depths

    def own(self, side: str) -> list[float]:
        values = np.zeros(self.header["nodes"])
        values[np.cumsum(self.column(f"{side}_gaps"), dtype=np.int64)] = self.column(side)
        return [float(value) for value in values]


def a_tree() -> FlameTree:
    return flame_tree(a_profile({(MAIN, RUN): 10, (MAIN, RUN, PARSE): 5, (MAIN, KEEP): 70_000}))


def test_structure_and_values_survive() -> None:
    tree = a_tree()
    read = Reader(encode_flame(tree, {"service": "shop"}))
    assert read.header["nodes"] == len(tree)
    assert read.header["unit"] == "bytes"
    assert read.header["diff"] is False
    assert read.header["meta"] == {"service": "shop"}
    assert read.depth() == tree.depth.tolist()
    assert read.own("current") == tree.self_value.tolist()
    assert [read.strings("functions")[i] for i in read.column("name")] == [
        tree.names[i] for i in tree.name_id
    ]
    files = read.strings("files")
    assert [files[i] for i in read.column("file_of")] == list(tree.files)
    assert read.column("line_of").tolist() == list(tree.lines)


def test_a_comparison_carries_both_sides() -> None:
    before = a_profile({(MAIN, RUN): 10, (MAIN, PARSE): 5})
    after = a_profile({(MAIN, RUN): 40, (MAIN, KEEP): 1})
    tree = diff_tree(after, before)
    read = Reader(encode_flame(tree))
    assert read.header["diff"] is True
    assert tree.self_delta is not None
    assert read.own("current") == tree.self_value.tolist()
    assert read.own("baseline") == (tree.self_value - tree.self_delta).tolist()
    assert sum(read.own("baseline")) == 15


def test_negative_and_huge_values_are_exact() -> None:
    read = Reader(encode_flame(flame_tree(a_profile({(MAIN,): -3, (RUN,): 1 << 40}))))
    assert sorted(read.own("current")) == [-3.0, 0.0, float(1 << 40)]


@pytest.mark.parametrize("name", ["a\nb", "naïve", "λ::<T>"])
def test_odd_names_do_not_shift_the_others(name: str) -> None:
    odd = Frame(name, "f")
    table = StackTable((odd, MAIN), np.array([0, 2], np.int32), np.array([0, 1], np.int32))
    profile = Profile(
        (SampleType("inuse_space", "bytes"),), table, np.zeros(1, np.int32), np.ones((1, 1), np.int64), ((),),
        np.zeros(1, np.int32),
    )  # fmt: skip
    read = Reader(encode_flame(flame_tree(profile)))
    shown = [read.strings("functions")[i] for i in read.column("name")]
    assert shown == ["total", "main", name.replace("\n", " ")]


def test_an_empty_tree_is_one_root() -> None:
    read = Reader(encode_flame(flame_tree(a_profile({}))))
    assert read.header["nodes"] == 1
    assert read.own("current") == [0.0]
