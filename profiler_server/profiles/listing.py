"""The list of a selection's snapshots, without opening their blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from profiler_server.catalog.models import Instance
from profiler_server.profiles.catalogue import decode_catalogue
from profiler_server.profiles.keys import SnapshotId
from profiler_server.profiles.model import SnapshotInfo
from profiler_server.profiles.reading import Span, micros
from profiler_server.profiles.shapes import StoredShape
from profiler_server.profiles.statements import SQL
from profiler_server.storage.times import EPOCH, MICROSECOND

PINNED = "pinned"


@dataclass(frozen=True, slots=True)
class _Entry:
    snapshot_id: SnapshotId
    samples: int
    totals: tuple[int, ...]
    reasons: tuple[str, ...] = ()


def list_snapshots(span: Span, limit: int) -> list[SnapshotInfo]:
    """Return the newest `limit` snapshots, newest first, each once."""
    found = {entry.snapshot_id: entry for entry in [*_in_chunks(span, limit), *_hot(span, limit)]}
    for kept in _kept(span, limit):
        found[kept.snapshot_id] = replace(found.get(kept.snapshot_id, kept), reasons=kept.reasons)
    newest = sorted(
        found.values(), key=lambda e: (e.snapshot_id.taken_at, e.snapshot_id.instance_id), reverse=True
    )
    return _infos(span, newest[:limit])


def list_pinned(span: Span, limit: int) -> list[SnapshotInfo]:
    """Return the newest `limit` snapshots that people pinned, newest first."""
    pinned = [entry for entry in _kept(span, limit) if PINNED in entry.reasons]
    return _infos(span, pinned)


def _infos(span: Span, chosen: list[_Entry]) -> list[SnapshotInfo]:
    instances = {entry.snapshot_id.instance_id for entry in chosen}
    releases = dict(Instance.objects.filter(pk__in=instances).values_list("pk", "release"))
    return [_info(entry, span.shapes[entry.snapshot_id.shape_id], releases) for entry in chosen]


def _hot(span: Span, limit: int) -> list[_Entry]:
    rows = SQL.fetch("list_hot", span.parameters | {"most": limit})
    return [
        _Entry(SnapshotId(instance, at, shape), samples, tuple(totals))
        for instance, at, shape, samples, totals in rows
    ]


def _kept(span: Span, limit: int) -> list[_Entry]:
    rows = SQL.fetch("list_kept", span.parameters | {"most": limit})
    return [
        _Entry(SnapshotId(instance, at, shape), samples, tuple(totals), tuple(reasons))
        for instance, at, shape, samples, totals, reasons in rows
    ]


def _in_chunks(span: Span, limit: int) -> list[_Entry]:
    entries: list[_Entry] = []
    for instance_id, shape_id, contents in SQL.fetch("list_chunks", span.parameters | {"most": limit}):
        catalogue = decode_catalogue(contents)
        inside = (catalogue.taken_us >= micros(span.start)) & (catalogue.taken_us < micros(span.end))
        chosen = catalogue.select(inside)
        rows = zip(chosen.taken_us.tolist(), chosen.samples.tolist(), chosen.totals.tolist(), strict=True)
        entries += [
            _Entry(SnapshotId(instance_id, EPOCH + us * MICROSECOND, shape_id), samples, tuple(totals))
            for us, samples, totals in rows
        ]
    return entries


def _info(entry: _Entry, stored: StoredShape, releases: dict[int, str]) -> SnapshotInfo:
    kinds = stored.shape.sample_types
    return SnapshotInfo(
        id=str(entry.snapshot_id),
        instance_id=entry.snapshot_id.instance_id,
        taken_at=entry.snapshot_id.taken_at,
        release=releases.get(entry.snapshot_id.instance_id, ""),
        sample_types=kinds,
        stacks=entry.samples,
        totals={kind.name: total for kind, total in zip(kinds, entry.totals, strict=True)},
        pinned=PINNED in entry.reasons,
        reasons=entry.reasons,
    )
