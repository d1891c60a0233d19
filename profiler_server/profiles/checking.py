"""The check of everything stored: orphans, holes in the dictionaries, blocks that cannot be what was written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from profiler_server.core.errors import ProfilerError
from profiler_server.profiles.blocks import (
    Block,
    Origin,
    SiteValues,
    decode_chunk,
    decode_snapshot,
    decode_sums,
)
from profiler_server.profiles.catalogue import decode_catalogue
from profiler_server.profiles.dictionary import Dictionary, dictionary_of
from profiler_server.profiles.hot_blocks import Places, with_bases
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.shapes import StoredShape, shapes_of
from profiler_server.profiles.statements import SQL
from profiler_server.storage.sealing import DamagedBlock

SNAPSHOT = Places(instance_id=1, taken_at=2, shape_id=3, block=6, base_at=7)


def check_profiles() -> Iterator[str]:
    """Yield one sentence for each fault in the tables of profiles."""
    for source, project_id, service_id, instances, shapes in SQL.fetch("fsck_orphans", {}):
        where = f"{source}: service {service_id} of project {project_id}"
        if instances:
            yield f"{where} has {instances} blocks of instances that do not exist."
        if shapes:
            yield f"{where} has {shapes} blocks of a shape that does not exist."
    for project_id, service_id, next_site, sites, next_frame, frames in SQL.fetch("fsck_dictionary", {}):
        yield (
            f"profiles_dictionary: service {service_id} of project {project_id} gave out {next_site} sites and "
            f"{next_frame} frames but has {sites} and {frames}."
        )
    for row in SQL.fetch("fsck_services", {}):
        yield from _check_service(ServiceKey(*row))


def _check_service(service: ServiceKey) -> Iterator[str]:
    shapes, dictionary = shapes_of(service), dictionary_of(service)
    yield from _check_dictionary(service, dictionary)
    snapshots = with_bases(service, SQL.fetch("fsck_snapshots", service.parameters), SNAPSHOT)
    for source, instance_id, taken_at, shape_id, *stored, _ in snapshots:
        if shape_id in shapes:
            fault = _snapshot_fault(shapes[shape_id], dictionary, *stored)
            if fault:
                yield f"{source}: instance {instance_id} at {taken_at}: {fault}"
    for (window_at,) in SQL.fetch("fsck_chunk_windows", service.parameters):
        for instance_id, shape_id, *stored in SQL.fetch(
            "fsck_chunks", service.parameters | {"window_at": window_at}
        ):
            if shape_id in shapes:
                fault = _chunk_fault(shapes[shape_id], dictionary, *stored)
                if fault:
                    yield f"profiles_chunk: instance {instance_id}, window {window_at}: {fault}"
    for source, scope, scope_id, type_id, at, block in SQL.fetch("fsck_sums", service.parameters):
        fault = _sums_fault(dictionary, block)
        if fault:
            yield f"{source}: scope {scope}/{scope_id}, type {type_id} at {at}: {fault} Run rebuild_rollups."


def _check_dictionary(service: ServiceKey, dictionary: Dictionary) -> Iterator[str]:
    frames = dictionary.rows.flat
    if len(frames) and (int(frames.max()) >= len(dictionary.frames) or int(frames.min()) < 0):
        yield f"profiles_site: service {service.service_id} has call sites with frames that do not exist."
    labels = dictionary.label_of_site
    if len(labels) and int(labels.max()) >= len(dictionary.labels):
        yield f"profiles_site: service {service.service_id} has call sites with label sets that do not exist."


def _snapshot_fault(
    stored: StoredShape, dictionary: Dictionary, samples: int, totals: list[int], block: Block
) -> str | None:
    try:
        sites: SiteValues = decode_snapshot(block, _origin(stored, dictionary))
    except ProfilerError as error:
        return error.message
    if len(sites) != samples or sites.values.sum(axis=0).tolist() != list(totals):
        return "The block does not hold what its row says."
    return None


def _chunk_fault(
    stored: StoredShape, dictionary: Dictionary, profiles: int, contents: bytes, block: bytes
) -> str | None:
    try:
        catalogue = decode_catalogue(contents)
        _, cube = decode_chunk(block, _origin(stored, dictionary))
    except ProfilerError as error:
        return error.message
    if len(catalogue) != profiles or not np.array_equal(cube.sum(axis=0), catalogue.totals):
        return "The block does not hold what its table of contents says."
    return None


def _sums_fault(dictionary: Dictionary, block: bytes) -> str | None:
    try:
        site_ids, _ = decode_sums(block)
    except DamagedBlock as error:
        return error.message
    if len(site_ids) and int(site_ids[-1]) >= len(dictionary):
        return "The block names a call site that the dictionary does not have."
    return None


def _origin(stored: StoredShape, dictionary: Dictionary) -> Origin:
    return Origin(len(stored.type_ids), stored.shape.go_rate, dictionary.sizes)
