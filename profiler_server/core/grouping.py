"""How frames are put together: by function, line, file or package."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import numpy as np

from profiler_server.core.profile import BoolArray, Frame, Int32Array, Profile, StackTable
from profiler_server.core.stacks import Rows, keep_elements, regroup


class Granularity(StrEnum):
    """What counts as one frame. A function is its name *and* file, since many languages repeat names."""

    FUNCTION = "function"
    LINE = "line"
    FILE = "file"
    PACKAGE = "package"


@dataclass(frozen=True, eq=False)
class FrameGroups:
    """`group_of` int32[n_frames] indexes `frames`, one representative per group, sorted by name."""

    group_of: Int32Array
    frames: tuple[Frame, ...]


def group_frames(frames: tuple[Frame, ...], granularity: Granularity) -> FrameGroups:
    """Group frames; the representative's file and line are those of the first frame where they are not the key."""
    keys = list(map(_KEYS[granularity], frames))
    first: dict[tuple[str, str, int], Frame] = {}
    for key, frame in zip(keys, frames, strict=True):
        first.setdefault(key, frame)
    order = sorted(first)
    rank = dict(zip(order, range(len(order)), strict=True))
    group_of = np.array([rank[key] for key in keys], np.int32)
    return FrameGroups(group_of, tuple(_shown(key, first[key], granularity) for key in order))


def group_table(table: StackTable, granularity: Granularity) -> tuple[StackTable, Int32Array]:
    """Return the table at this granularity and int32[n_stacks] from old to new stacks.

    Neighbouring frames of the same file or package become one; recursion within a function stays visible.
    """
    groups = group_frames(table.frames, granularity)
    if granularity in {Granularity.FILE, Granularity.PACKAGE}:
        table = _without_repeats(table, groups.group_of)
    return regroup(table, groups.group_of, groups.frames)


def group_by(profile: Profile, granularity: Granularity) -> Profile:
    """Return the profile with its frames grouped; totals stay."""
    table, moved = group_table(profile.stacks, granularity)
    return replace(profile, stacks=table, stack_ids=moved[profile.stack_ids])


@lru_cache(maxsize=65536)
def package_of(frame: Frame) -> str:
    """Return the package that a frame belongs to, by its file (Python, Node) or its function's name (Go, Java, C++).

    ``github.com/grab/async.(*task).Run`` is of ``github.com/grab/async``; a file under ``site-packages/numpy/`` is of
    ``numpy``; an unknown one is of the directory of its file, or of itself.
    """
    for pattern in (_PYTHON_SITE, _NODE_MODULE, _PYTHON_STANDARD):
        found = pattern.search(frame.file)
        if found:
            return found["package"]
    if frame.file.endswith((".py", ".js", ".ts", ".rb")):
        return frame.file.rpartition("/")[0] or frame.file
    java = frame.file.endswith((".java", ".kt", ".scala"))
    name = _java_package(frame.function) if java else _package_of_name(frame.function)
    return name or frame.file.rpartition("/")[0] or frame.function


_PYTHON_SITE = re.compile(r"/(?:site|dist)-packages/(?P<package>[^/]+?)(?:\.py)?(?:/|$)")
_PYTHON_STANDARD = re.compile(r"/lib/python3[0-9.]*/(?P<package>[^/]+?)(?:\.py)?(?:/|$)")
_NODE_MODULE = re.compile(r"^(?:.*/)?node_modules/(?P<package>(?:@[^/]+/)?[^/]+)/")
_GENERIC_PART = re.compile(r"[\[(<]")


def _package_of_name(function: str) -> str:
    """Return what stands before the first dot after the last slash (Go), or before the first ``::`` (C++, Rust)."""
    plain = _GENERIC_PART.split(function, maxsplit=1)[0]
    directory, slash, last = plain.rpartition("/")
    if "::" in last:
        return last.partition("::")[0]
    head, dot, _ = last.partition(".")
    return f"{directory}{slash}{head}" if dot else ""


def _java_package(function: str) -> str:
    """Return the parts before the first that begins with a capital, the class."""
    parts = _GENERIC_PART.split(function, maxsplit=1)[0].split(".")[:-1]
    classes = [i for i, part in enumerate(parts) if part[:1].isupper()]
    return ".".join(parts[: classes[0]] if classes else parts)


def _without_repeats(table: StackTable, group_of: Int32Array) -> StackTable:
    rows = Rows(table.offsets, table.frame_ids)
    kept = keep_elements(rows, _differs_from_leafward(rows, group_of))
    return StackTable(table.frames, kept.offsets, kept.flat.astype(np.int32))


def _differs_from_leafward(rows: Rows, group_of: Int32Array) -> BoolArray:
    groups = group_of[rows.flat]
    differs: BoolArray = rows.positions() == 0
    differs[1:] |= groups[1:] != groups[:-1]
    return differs


def _shown(key: tuple[str, str, int], first: Frame, granularity: Granularity) -> Frame:
    if granularity is Granularity.FUNCTION:
        return first
    if granularity is Granularity.LINE:
        return Frame(*key)
    return Frame(key[0], first.file if granularity is Granularity.FILE else "", 0)


_KEYS: dict[Granularity, Callable[[Frame], tuple[str, str, int]]] = {
    Granularity.FUNCTION: lambda frame: (frame.function, frame.file, 0),
    Granularity.LINE: lambda frame: (frame.function, frame.file, frame.line),
    Granularity.FILE: lambda frame: (frame.file or frame.function, "", 0),
    Granularity.PACKAGE: lambda frame: (package_of(frame), "", 0),
}
