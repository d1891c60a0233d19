"""One stored snapshot by its id: hot, kept, or inside a chunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler_server.core.errors import NotFound
from profiler_server.core.profile import Int32Array, Int64Array, Profile, StackTable
from profiler_server.core.stacks import gather, rows_of
from profiler_server.profiles.blocks import Origin, SiteValues, decode_chunk, decode_snapshot, gather_sites
from profiler_server.profiles.catalogue import decode_catalogue
from profiler_server.profiles.dictionary import Dictionary, dictionary_of
from profiler_server.profiles.hot_blocks import Places, with_bases
from profiler_server.profiles.keys import ServiceKey, SnapshotId
from profiler_server.profiles.reading import micros
from profiler_server.profiles.shapes import NO_PERIOD, StoredShape, shapes_of
from profiler_server.profiles.statements import SQL
from profiler_server.storage.times import window_of

ONE_HOT = Places(instance_id=0, shape_id=1, taken_at=2, block=4, base_at=5)


@dataclass(frozen=True, eq=False)
class StoredSnapshot:
    """A snapshot's values, all sample types, with what is needed to make a profile of them."""

    snapshot_id: SnapshotId
    stored: StoredShape
    sites: SiteValues
    duration_ns: int


def load_snapshot(service: ServiceKey, snapshot_id: SnapshotId) -> tuple[Dictionary, StoredSnapshot]:
    """Return a snapshot of this service. Raises `NotFound`."""
    stored = shapes_of(service).get(snapshot_id.shape_id)
    if stored is None:
        raise NotFound(f"There is no snapshot {snapshot_id}.")
    key = service.parameters | {
        "instance_id": snapshot_id.instance_id,
        "taken_at": snapshot_id.taken_at,
        "shape_id": snapshot_id.shape_id,
    }
    whole = with_bases(service, SQL.fetch("one_hot", key), ONE_HOT)
    chunk = [] if whole else SQL.fetch("one_chunk", key | {"window_at": window_of(snapshot_id.taken_at)})
    dictionary = dictionary_of(service)
    origin = Origin(len(stored.shape.sample_types), stored.shape.go_rate, dictionary.sizes)
    if whole:
        *_, duration_ns, block, _ = whole[0]
        return dictionary, StoredSnapshot(snapshot_id, stored, decode_snapshot(block, origin), duration_ns)
    for contents, block in chunk:
        catalogue = decode_catalogue(contents)
        at = np.flatnonzero(catalogue.taken_us == micros(snapshot_id.taken_at)).tolist()
        if at:
            site_ids, values = decode_chunk(block, origin)
            sites = gather_sites(site_ids, values[:, at[0], :])
            return dictionary, StoredSnapshot(snapshot_id, stored, sites, int(catalogue.durations_ns[at[0]]))
    raise NotFound(f"There is no snapshot {snapshot_id}; it may be beyond the retention.")


def profile_of_snapshot(dictionary: Dictionary, snapshot: StoredSnapshot) -> Profile:
    """Return the snapshot as a profile with all its sample types."""
    shape = snapshot.stored.shape
    stacks, stack_ids = compact_stacks(dictionary, snapshot.sites.site_ids)
    return Profile(
        sample_types=shape.sample_types,
        stacks=stacks,
        stack_ids=stack_ids,
        values=snapshot.sites.values,
        labels=dictionary.labels,
        label_ids=dictionary.label_of_site[snapshot.sites.site_ids],
        time_ns=micros(snapshot.snapshot_id.taken_at) * 1000,
        duration_ns=snapshot.duration_ns,
        period_type=None if shape.period_type == NO_PERIOD else shape.period_type,
        period=shape.period,
        default_sample_type=shape.default_type,
    )


def compact_stacks(
    dictionary: Dictionary, site_ids: Int32Array | Int64Array
) -> tuple[StackTable, Int32Array]:
    """Return the distinct stacks of some sites alone, and int32[n] from site to stack."""
    chosen, stack_ids = np.unique(dictionary.stack_of_site[site_ids], return_inverse=True)
    rows = gather(rows_of(dictionary.stacks), chosen)
    used, flat = np.unique(rows.flat, return_inverse=True)
    frames = tuple(dictionary.frames[i] for i in used.tolist())
    return StackTable(frames, rows.offsets, flat.astype(np.int32)), stack_ids.astype(np.int32)
