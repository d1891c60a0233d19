"""Pin a snapshot: it outlives retention until it is unpinned."""

from __future__ import annotations

from profiler_server.profiles.actions.keep_snapshots import keep, release
from profiler_server.profiles.keys import ServiceKey, SnapshotId
from profiler_server.profiles.listing import PINNED


def pin_snapshot(project_id: int, service_id: int, snapshot_id: str) -> None:
    """Pin a snapshot of the service; pinning twice is pinning once. Raises `NotFound`."""
    keep(ServiceKey(project_id, service_id), SnapshotId.parse(snapshot_id), PINNED)


def unpin_snapshot(project_id: int, service_id: int, snapshot_id: str) -> None:
    """Undo `pin_snapshot`; other reasons to keep the snapshot stay."""
    release(ServiceKey(project_id, service_id), SnapshotId.parse(snapshot_id), PINNED)
