"""Who holds the objects of a call site: paths from modules and frames to the sampled objects, with shares.

The walk runs in a frozen clone of the process (the service stops for clone() alone), or, above a memory limit or
where clone() is not allowed, as a census of a few elements per container in the process itself.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from array import array
from collections import deque
from collections.abc import Sequence
from types import ModuleType
from typing import Literal, NamedTuple, TypedDict

from plimsoll_agent_native import _native, limits
from plimsoll_agent_native.errors import NotStarted
from plimsoll_agent_native.paths import (
    Redact,
    Segment,
    group_key,
    parse_steps,
    redacted,
    segments_of,
    write_path,
)
from plimsoll_agent_native.sampling import HookState, stats, supported
from plimsoll_agent_native.targets import Site, Target, targets_of

Method = Literal["auto", "snapshot", "census"]

RSS_LIMIT_BYTES = 1 << 30
TIMEOUT_SECONDS = 20.0
CENSUS_SECONDS = 0.012  # of walking; naming what was found comes on top
CENSUS_SKETCH = 16  # elements of a large container that are followed
CENSUS_MIN_LENGTH = 1_000
TARGETS_MAX = 4_096
CENSUS_TARGETS_MAX = 256
CONTAINERS_MAX = 6_000_000
CHILD_BYTES_SHARE = (
    0.3  # of RSS that copies of pages and the walk's own tables may take while the child lives
)
MERGE_ABOVE_BYTES = 64 << 20  # of RSS: a smaller process is cloned within two or three milliseconds as it is
MERGE_SECONDS = 5.0
CLONE_STOP_MS = 10.0  # a clone that would stop the service longer, by what the last ones took, is not made
CLONES_REMEMBERED = 3
PATHS_MAX = 50
LENGTHS_REMEMBERED = 512
_UNFINISHED = {
    "late": "the walk ran out of time",
    "full": f"there are more than {CONTAINERS_MAX:,} containers, or no memory to list them",
    "cut": "there are more paths than an answer may hold",
    "sketched": "only a few elements of each large container were followed",
}


class HolderPath(TypedDict):
    """One way in which objects of the site are held."""

    path: str
    share: float
    objects: int
    bytes: int


class HolderReport(TypedDict):
    """The answer of `find_holders()`.  `unexplained_share` is the share of bytes that no path was found for."""

    method: str
    pause_ms: float
    unexplained_share: float
    samples: int
    complete: bool
    note: str
    paths: list[HolderPath]


class Container(NamedTuple):
    """Large containers in one place, and how they grew since the last census.

    `length` is the entries of all `instances` that were met with this path.
    """

    path: str
    length: int
    instances: int
    growth_per_minute: float | None


class Census(NamedTuple):
    """The largest containers that were met, largest first."""

    containers: list[Container]
    pause_ms: float
    complete: bool


class _Walk(NamedTuple):
    method: str
    pause_ms: float
    complete: bool
    found: dict[int, list[Segment]]  # by index of the target
    note: str


# Milliseconds per MiB of RSS of the last clones. A machine that copies page tables slowly (under nested virtualization,
# with fragmented memory) is known by the quickest of them; one that was only busy for a moment is not.
_clone_rates: deque[float] = deque(maxlen=CLONES_REMEMBERED)
_lengths: dict[str, tuple[float, int, float | None]] = {}
_lock = threading.Lock()


def _renew_lock() -> None:
    """A forked child must not wait for a search in a thread that it does not have."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def find_holders(
    site: Site,
    *,
    method: Method = "auto",
    rss_limit_bytes: int = RSS_LIMIT_BYTES,
    timeout_seconds: float = TIMEOUT_SECONDS,
    redact: Redact | None = None,
) -> HolderReport:
    """Find what keeps the live sampled objects of a call site alive.

    `site` is (function, file, line) leaf first, in full or only its first frames; when no stack has these lines, the
    lines are ignored.  `redact` is applied to every name (module, type, attribute).  Dict keys, and anything else that
    is content, never appear.

    Raises NotStarted, and RuntimeError when another search runs.
    """
    if not supported() or stats()["hook_state"] == HookState.OFF:
        msg = "the sampler does not run in this process, so no object of the site is known"
        raise NotStarted(msg)
    targets = targets_of(site)
    if not targets:
        return _empty_report(
            "no live sampled object has this call site: it was freed, or allocated before arming"
        )
    with _lock:
        walk = _walk(
            targets, method, rss_limit_bytes=rss_limit_bytes, timeout_seconds=timeout_seconds, redact=redact
        )
    return _report(targets, walk)


def census(
    *,
    min_length: int = CENSUS_MIN_LENGTH,
    deadline_seconds: float = CENSUS_SECONDS,
    redact: Redact | None = None,
) -> Census:
    """List large containers by looking at a few elements of each; needs no running sampler.

    The service stops for about `deadline_seconds` at most.
    """
    with _lock:
        text, info = _native.census(_modules(), deadline_seconds, CENSUS_SKETCH, min_length)
        lines, outcome = _read(text)
        return Census(
            containers=_containers(lines, redact), pause_ms=info["pause_ms"], complete=outcome == "complete"
        )


def _modules() -> list[tuple[str, ModuleType]]:
    """Loaded modules in the order in which a path should prefer them: one's own, then the library's."""
    own: list[tuple[str, ModuleType]] = []
    main: list[tuple[str, ModuleType]] = []
    library: list[tuple[str, ModuleType]] = []
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or name.startswith("plimsoll_agent"):
            continue
        group = library if name.partition(".")[0] in sys.stdlib_module_names else own
        (main if name == "__main__" else group).append((name, module))
    return own + main + library


# ---- walking --------------------------------------------------------------------------------------------------------


def _walk(
    targets: list[Target],
    method: Method,
    *,
    rss_limit_bytes: int,
    timeout_seconds: float,
    redact: Redact | None,
) -> _Walk:
    note = ""
    if method != "census":
        note = _why_not_clone(rss_limit_bytes) if method == "auto" else ""
        if not note:
            merged = _merge_pages()
            walk = _walk_once(targets, clone=True, seconds=timeout_seconds, redact=redact)
            if merged:
                _merge_pages()
            _remember_stop(walk.pause_ms)
            if walk.complete or walk.found:
                return walk
            note = walk.note
            if method == "snapshot":
                return walk
    walk = _walk_once(targets, clone=False, seconds=CENSUS_SECONDS, redact=redact)
    return _Walk(walk.method, walk.pause_ms, walk.complete, walk.found, note or walk.note)


def _why_not_clone(rss_limit_bytes: int) -> str:
    """An empty string when a clone is affordable."""
    rss = limits.rss_bytes()
    if rss is None:
        return "the process's memory cannot be read, so no clone was made"
    if rss > rss_limit_bytes:
        return (
            f"the process holds {rss >> 20} MiB, above the limit of {rss_limit_bytes >> 20} MiB for a clone"
        )
    stop_ms = (rss >> 20) * min(_clone_rates) if len(_clone_rates) == CLONES_REMEMBERED else 0.0
    if stop_ms > CLONE_STOP_MS:
        return f"a clone would stop the process for about {stop_ms:.0f} ms, as the last ones did"
    room = limits.cgroup_headroom_bytes()
    if room is not None and room < rss * CHILD_BYTES_SHARE:
        return f"the memory cgroup has {room >> 20} MiB left, too little for a clone"
    return ""


def _merge_pages() -> int:
    """Let the kernel merge small pages, where it may, so that the clone's page table is copied in a moment.

    Afterwards once more: pages that were written while the clone lived have left theirs half empty.  Returns bytes.
    """
    rss = limits.rss_bytes()
    return _native.merge_pages(MERGE_SECONDS)[0] if rss is not None and rss > MERGE_ABOVE_BYTES else 0


def _remember_stop(pause_ms: float) -> None:
    rss = limits.rss_bytes()
    if rss:
        _clone_rates.append(pause_ms / max(1, rss >> 20))


def _walk_once(targets: list[Target], *, clone: bool, seconds: float, redact: Redact | None) -> _Walk:
    chosen = _choose(len(targets), TARGETS_MAX if clone else CENSUS_TARGETS_MAX)
    addresses = array("Q", [targets[i].address for i in chosen]).tobytes()
    sizes = array("Q", [targets[i].size for i in chosen]).tobytes()
    sketch = 0 if clone else CENSUS_SKETCH
    text, info = _native.find_paths(_modules(), addresses, sizes, clone, seconds, sketch, CONTAINERS_MAX)
    lines, outcome = _read(text)
    found = {}
    for line in lines:
        head, _, rest = line.partition("\x1e")
        found[chosen[int(head.split(" ")[0])]] = segments_of(redacted(parse_steps("\x1e" + rest), redact))
    if clone and outcome == "complete":
        found.update({i: [Segment("held by native code")] for i in chosen if i not in found})
    method = "snapshot" if clone else "census"
    return _Walk(method, info["pause_ms"], outcome == "complete", found, _note(info, outcome))


def _choose(count: int, limit: int) -> range:
    """Targets come in the order of a hash of their addresses: the first ones are a random choice."""
    return range(min(count, limit))


def _read(text: bytes) -> tuple[list[str], str]:
    """The extension's whole lines without the summary, and the summary's last word; "" if it never came.

    (str.splitlines() would also split at the extension's field separators.)
    """
    lines = text.decode("utf-8", "replace").split("\n")[:-1]
    if lines and lines[-1].startswith("#"):
        return lines[:-1], lines[-1].rpartition(" ")[2]
    return lines, ""


def _note(info: dict[str, float], outcome: str) -> str:
    if info["error"]:
        return f"the process could not be cloned (errno {info['error']:.0f})"
    if info["timed_out"]:
        return _UNFINISHED["late"]
    if not outcome:
        return f"the clone died (wait status {info['wait_status']:.0f})"
    return _UNFINISHED.get(outcome, "")


# ---- reporting ------------------------------------------------------------------------------------------------------


def _empty_report(note: str) -> HolderReport:
    return {
        "method": "none",
        "pause_ms": 0.0,
        "unexplained_share": 1.0,
        "samples": 0,
        "complete": True,
        "note": note,
        "paths": [],
    }


def _report(targets: list[Target], walk: _Walk) -> HolderReport:
    looked_at = _choose_looked_at(targets, walk)
    total = sum(targets[i].bytes for i in looked_at) or 1.0
    scale = sum(target.bytes for target in targets) / total
    groups: dict[str, list[int]] = {}
    for index, segments in walk.found.items():
        groups.setdefault(group_key(segments), []).append(index)
    paths = [_group_path(targets, walk, members, total=total, scale=scale) for members in groups.values()]
    paths.sort(key=lambda path: path["share"], reverse=True)
    explained = sum(targets[i].bytes for i in walk.found)
    return {
        "method": walk.method,
        "pause_ms": round(walk.pause_ms, 3),
        "unexplained_share": round(max(0.0, 1 - explained / total), 4),
        "samples": len(targets),
        "complete": walk.complete,
        "note": walk.note,
        "paths": paths[:PATHS_MAX],
    }


def _choose_looked_at(targets: list[Target], walk: _Walk) -> Sequence[int]:
    limit = TARGETS_MAX if walk.method == "snapshot" else CENSUS_TARGETS_MAX
    return range(len(targets)) if len(targets) <= limit else list(walk.found)


def _group_path(
    targets: list[Target], walk: _Walk, members: list[int], *, total: float, scale: float
) -> HolderPath:
    columns = zip(*(walk.found[i] for i in members), strict=True)
    shared = {column[0].node for column in columns if len({segment.node for segment in column}) == 1}
    byte_count = sum(targets[i].bytes for i in members)
    rates = {key: rate for key, (_, _, rate) in _lengths.items() if rate is not None}
    return {
        "path": write_path(walk.found[members[0]], shared=shared - {-1}, rates=rates),
        "share": round(byte_count / total, 4),
        "objects": round(sum(targets[i].objects for i in members) * scale),
        "bytes": round(byte_count * scale),
    }


def _containers(lines: list[str], redact: Redact | None) -> list[Container]:
    """One entry per path; lengths of containers with the same path (one list per tenant, say) are added up."""
    groups: dict[str, list[tuple[int, list[Segment]]]] = {}
    for line in lines:
        head, _, rest = line.partition("\x1e")
        segments = segments_of(redacted(parse_steps("\x1e" + rest), redact))
        groups.setdefault(group_key(segments), []).append((int(head.split(" ")[0]), segments))
    now = time.monotonic()
    found = []
    for key, members in groups.items():
        length = sum(member[0] for member in members)
        shared = {segment.node for segment in members[0][1][:-1]} - {-1}
        path = write_path(members[0][1], shared=shared, rates={})
        found.append(Container(path, length, len(members), _remember_length(key, length, now)))
    return sorted(found, key=lambda container: container.length, reverse=True)


def _remember_length(key: str, length: int, now: float) -> float | None:
    before = _lengths.get(key)
    rate = (length - before[1]) / (now - before[0]) * 60 if before and now > before[0] else None
    if before or len(_lengths) < LENGTHS_REMEMBERED:
        _lengths[key] = (now, length, rate)
    return rate


__all__ = ["Census", "Container", "HolderPath", "HolderReport", "Method", "census", "find_holders"]
