"""Keep snapshots beyond retention: those around a finding, an end for lack of memory, or a restart."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from profiler_server.core.errors import NotFound
from profiler_server.profiles.blocks import Origin, encode_snapshot
from profiler_server.profiles.keys import ServiceKey, SnapshotId
from profiler_server.profiles.listing import list_snapshots
from profiler_server.profiles.model import ProfileSelection, SnapshotInfo
from profiler_server.profiles.question import resolve
from profiler_server.profiles.snapshots import load_snapshot
from profiler_server.profiles.statements import SQL

MAX_KEPT_AT_ONCE = 200
MAX_LISTED = 5_000
DEFAULT_AROUND = timedelta(minutes=30)
DEFAULT_EACH_SIDE = 3


def keep_snapshots_around(
    project_id: int,
    service_id: int,
    moment: datetime,
    *,
    reason: str,
    around: timedelta = DEFAULT_AROUND,
    each_side: int = DEFAULT_EACH_SIDE,
) -> int:
    """Keep, for each instance, the `each_side` nearest snapshots before and after `moment`; return how many.

    Those that are kept for this reason already cost nothing and count too. `reason` names why, such as "finding:17",
    "oom" or "restart". A service without profiles has nothing to keep.
    """
    service = ServiceKey(project_id, service_id)
    chosen = _nearest(service, moment, around, each_side)[:MAX_KEPT_AT_ONCE]
    for snapshot in chosen:
        if reason not in snapshot.reasons:
            keep(service, SnapshotId.parse(snapshot.id), reason)
    return len(chosen)


def keep(service: ServiceKey, snapshot_id: SnapshotId, reason: str) -> None:
    """Copy a snapshot to where retention does not reach, or add a reason to the copy. Raises `NotFound`."""
    with transaction.atomic():
        dictionary, snapshot = load_snapshot(service, snapshot_id)
        shape = snapshot.stored.shape
        origin = Origin(len(shape.sample_types), shape.go_rate, dictionary.sizes)
        SQL.run("keep_snapshot", _key(service, snapshot_id) | {
            "duration_ns": snapshot.duration_ns,
            "samples": len(snapshot.sites),
            "totals": snapshot.sites.values.sum(axis=0).tolist(),
            "reason": reason,
            "block": encode_snapshot(snapshot.sites, origin),
        })  # fmt: skip


def release(service: ServiceKey, snapshot_id: SnapshotId, reason: str) -> None:
    """Take a reason back; the copy goes with the last one."""
    SQL.run("release_snapshot", _key(service, snapshot_id) | {"reason": reason})


def _nearest(service: ServiceKey, moment: datetime, around: timedelta, each_side: int) -> list[SnapshotInfo]:
    selection = ProfileSelection(service.project_id, service.service_id, moment - around, moment + around)
    try:
        infos = list_snapshots(resolve(selection).span(), MAX_LISTED)
    except NotFound:
        return []
    chosen: list[SnapshotInfo] = []
    for instance_id in sorted({info.instance_id for info in infos}):
        of_instance = [info for info in infos if info.instance_id == instance_id]  # newest first
        before = [info for info in of_instance if info.taken_at <= moment][:each_side]
        after = [info for info in reversed(of_instance) if info.taken_at > moment][:each_side]
        chosen += before + after
    return chosen


def _key(service: ServiceKey, snapshot_id: SnapshotId) -> dict[str, object]:
    return service.parameters | {
        "instance_id": snapshot_id.instance_id,
        "taken_at": snapshot_id.taken_at,
        "shape_id": snapshot_id.shape_id,
    }
