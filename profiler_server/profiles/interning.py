"""Call sites to dense ids, in the database: the same stack with the same labels has one id per service, for ever.

A site is found by the blake2b-128 of its frames and labels. New ids are made under a lock on the service's dictionary
row: many writers then wait a moment, where inserting against each other deadlocks, and ids stay dense. What is
remembered in the process is remembered only after the commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from uuid import UUID

import numpy as np
from django.db import transaction

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.profile import Frame, Int32Array, IntArray, LabelSet, StackTable
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.statements import SQL

DIGEST_BYTES = 16
MAX_SITES_PER_SERVICE = 4_000_000
MAX_LINE = 2**31 - 1


@dataclass(frozen=True, eq=False)
class SiteTable:
    """Stacks with labels, row by row: `stack_ids` int32[n] into `stacks`, `label_ids` int32[n] into `labels`."""

    stacks: StackTable
    stack_ids: IntArray
    labels: tuple[LabelSet, ...]
    label_ids: IntArray

    def __len__(self) -> int:
        return len(self.stack_ids)


def intern_sites(service: ServiceKey, table: SiteTable) -> Int32Array:
    """Return int32[n], the site of each row; unknown ones are made in a transaction of their own.

    Raises `LimitExceeded` when the service would have more than `MAX_SITES_PER_SERVICE`.
    """
    if not len(table):
        return np.zeros(0, np.int32)
    frame_digests = [_digest_frame(frame) for frame in table.stacks.frames]
    label_digests = [_digest_labels(labels) for labels in table.labels]
    digests = _site_digests(table, frame_digests, label_digests)
    first = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    known = _find("find_sites", service, first)
    missing = [digest for digest in first if digest not in known]
    if missing:
        known |= _make_sites(service, table, {digest: first[digest] for digest in missing}, frame_digests)
    return np.fromiter((known[digest] for digest in digests), np.int32, len(digests))


def _site_digests(table: SiteTable, frames: Sequence[bytes], labels: Sequence[bytes]) -> list[UUID]:
    """Return each row's digest."""
    flat = np.frombuffer(b"".join(frames), np.uint8).reshape(-1, DIGEST_BYTES)
    joined = flat[table.stacks.frame_ids].tobytes()
    spans = list(pairwise((table.stacks.offsets.astype(np.int64) * DIGEST_BYTES).tolist()))
    digests = []
    for stack, label in zip(table.stack_ids.tolist(), table.label_ids.tolist(), strict=True):
        low, high = spans[stack]
        digests.append(
            UUID(bytes=blake2b(joined[low:high] + labels[label], digest_size=DIGEST_BYTES).digest())
        )
    return digests


def _digest_frame(frame: Frame) -> bytes:
    text = f"{frame.function}\0{frame.file}\0{frame.line}".encode("utf-8", "replace")
    return blake2b(text, digest_size=DIGEST_BYTES).digest()


def _digest_labels(labels: LabelSet) -> bytes:
    return (
        blake2b(_labels_text(labels).encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()
        if labels
        else b""
    )


def _labels_text(labels: LabelSet) -> str:
    return json.dumps([list(label) for label in labels], separators=(",", ":"))


def _find(statement: str, service: ServiceKey, digests: Iterable[UUID]) -> dict[UUID, int]:
    return dict(SQL.fetch(statement, service.parameters | {"digests": list(digests)}))


def _make_sites(
    service: ServiceKey, table: SiteTable, rows: dict[UUID, int], frame_digests: Sequence[bytes]
) -> dict[UUID, int]:
    """Make the sites that are still unknown once the dictionary is locked; return the ids of all of `rows`."""
    with transaction.atomic():
        SQL.run("make_dictionary", service.parameters)
        next_site, next_frame, next_label_set, _, _ = SQL.fetch("lock_dictionary", service.parameters)[0]
        known = _find("find_sites", service, rows)
        new = {digest: row for digest, row in rows.items() if digest not in known}
        if not new:
            return known  # another process has made them all meanwhile
        if next_site + len(new) > MAX_SITES_PER_SERVICE:
            raise LimitExceeded(
                f"This service has {next_site:,} call sites; the limit is {MAX_SITES_PER_SERVICE:,}. "
                "Do its samples carry labels with ever new values?"
            )
        chosen = np.fromiter(new.values(), np.int64, len(new))
        frame_ids, frames_made = _frame_ids(service, table, chosen, frame_digests, next_frame)
        label_ids, labels_made = _label_set_ids(service, table, chosen, next_label_set)
        ids = list(range(next_site, next_site + len(new)))
        SQL.run("insert_sites", service.parameters | {
            "site_ids": ids,
            "label_set_ids": [label_ids[table.label_ids[row]] for row in chosen.tolist()],
            "digests": list(new),
            "frames": [_frames_of(table, row, frame_ids) for row in chosen.tolist()],
        })  # fmt: skip
        made = {"sites": len(new), "frames": frames_made, "label_sets": labels_made, "types": 0, "shapes": 0}
        SQL.run("advance_dictionary", service.parameters | made)
    return known | dict(zip(new, ids, strict=True))


def _frames_of(table: SiteTable, row: int, frame_ids: Int32Array) -> bytes:
    stack = table.stack_ids[row]
    low, high = table.stacks.offsets[stack], table.stacks.offsets[stack + 1]
    return frame_ids[table.stacks.frame_ids[low:high]].tobytes()


def _frame_ids(
    service: ServiceKey, table: SiteTable, rows: IntArray, digests: Sequence[bytes], next_id: int
) -> tuple[Int32Array, int]:
    """Return int32[frames of the table]: the id of every frame that `rows` use, and how many were made."""
    stacks = np.unique(table.stack_ids[rows])
    used = np.unique(np.concatenate([_span(table.stacks, stack) for stack in stacks.tolist()]))
    wanted = {UUID(bytes=digests[frame]): frame for frame in used.tolist()}
    known = _find("find_frames", service, wanted)
    new = [digest for digest in wanted if digest not in known]
    frames = [table.stacks.frames[wanted[digest]] for digest in new]
    known |= dict(zip(new, range(next_id, next_id + len(new)), strict=True))
    if new:
        SQL.run("insert_frames", service.parameters | {
            "frame_ids": [known[digest] for digest in new],
            "lines": [min(max(frame.line, 0), MAX_LINE) for frame in frames],
            "digests": new,
            "functions": [_storable(frame.function) for frame in frames],
            "files": [_storable(frame.file) for frame in frames],
        })  # fmt: skip
    ids = np.zeros(len(table.stacks.frames), np.int32)
    for digest, frame in wanted.items():
        ids[frame] = known[digest]
    return ids, len(new)


def _span(stacks: StackTable, stack: int) -> IntArray:
    return stacks.frame_ids[stacks.offsets[stack] : stacks.offsets[stack + 1]]


def _label_set_ids(
    service: ServiceKey, table: SiteTable, rows: IntArray, next_id: int
) -> tuple[dict[int, int], int]:
    """Return the id of every label set that `rows` use, by its place in the table, and how many were made."""
    used = np.unique(table.label_ids[rows]).tolist()
    wanted = {UUID(bytes=blake2b(_labels_text(table.labels[i]).encode(), digest_size=DIGEST_BYTES).digest()): i
              for i in used}  # fmt: skip
    known = _find("find_label_sets", service, wanted)
    new = [digest for digest in wanted if digest not in known]
    known |= dict(zip(new, range(next_id, next_id + len(new)), strict=True))
    if new:
        SQL.run("insert_label_sets", service.parameters | {
            "label_set_ids": [known[digest] for digest in new],
            "digests": new,
            "labels": [_labels_text(table.labels[wanted[digest]]) for digest in new],
        })  # fmt: skip
    return {place: known[digest] for digest, place in wanted.items()}, len(new)


def _storable(text: str) -> str:
    """Return the text without what PostgreSQL's text cannot hold."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()
