"""Sums of a window or an hour for the service, its releases and (hours only) its instances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from profiler_server.catalog.models import Instance, Release
from profiler_server.core.profile import SampleType
from profiler_server.profiles.aggregation import aggregation_of
from profiler_server.profiles.blocks import encode_sums
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.reading import Reading
from profiler_server.profiles.shapes import StoredShape
from profiler_server.profiles.sums import Counting, Grid, Part, Seen, parts, total_of, united


class Scope(IntEnum):
    """What a sum is over."""

    SERVICE = 0
    RELEASE = 1
    INSTANCE = 2


@dataclass(frozen=True, eq=False)
class ScopeSum:
    """The sum of one sample type over one scope; `block` is None where it is the same as the service's."""

    scope: Scope
    scope_id: int
    type_id: int
    profiles: int
    seen: tuple[Seen, ...]
    block: bytes | None


def release_ids(service: ServiceKey, instance_ids: Sequence[int]) -> dict[int, int]:
    """Return the release's id of each instance, 0 without one."""
    known = dict(Release.objects.filter(service_id=service.service_id).values_list("version", "pk"))
    rows = Instance.objects.filter(pk__in=instance_ids).values_list("pk", "release")
    found = {pk: known.get(version, 0) for pk, version in rows}
    return {instance_id: found.get(instance_id, 0) for instance_id in instance_ids}


def types_of(shapes: dict[int, StoredShape]) -> dict[int, SampleType]:
    """Return the sample types of some shapes by their ids."""
    return {
        type_id: kind
        for stored in shapes.values()
        for type_id, kind in zip(stored.type_ids, stored.shape.sample_types, strict=True)
    }


def type_parts(
    readings: Sequence[Reading], type_name: str, shapes: dict[int, StoredShape], grid: Grid
) -> list[Part]:
    """Return the parts of one sample type on a grid."""
    sites = max((int(reading.site_ids[-1]) + 1 for reading in readings if len(reading.site_ids)), default=0)
    deltas = frozenset(shape_id for shape_id, stored in shapes.items() if stored.shape.is_delta)
    return list(parts(readings, grid, Counting(aggregation_of(type_name), sites, deltas)))


def scope_sums(
    type_id: int, found: Sequence[Part], release_of: dict[int, int], *, with_instances: bool
) -> Iterator[ScopeSum]:
    """Yield the sums of the service, of each release and, if asked, of each instance."""
    if not found:
        return
    releases = {release_of.get(part.instance_id, 0) for part in found}
    yield _sum(Scope.SERVICE, 0, type_id, found)
    for release in sorted(releases - {0}):
        of_release = [part for part in found if release_of.get(part.instance_id, 0) == release]
        yield _sum(Scope.RELEASE, release, type_id, of_release, is_all=len(releases) == 1)
    instances = {part.instance_id for part in found} if with_instances else set()
    for instance in sorted(instances):
        of_instance = [part for part in found if part.instance_id == instance]
        yield _sum(Scope.INSTANCE, instance, type_id, of_instance, is_all=len(instances) == 1)


def _sum(
    scope: Scope, scope_id: int, type_id: int, found: Sequence[Part], *, is_all: bool = False
) -> ScopeSum:
    profiles = sum(part.profiles for part in found)
    block = None
    if not is_all:
        sites = max((int(part.site_ids[-1]) + 1 for part in found if len(part.site_ids)), default=0)
        total = total_of(found, sites)
        some = np.flatnonzero(total)
        block = encode_sums(some, total[some])
    return ScopeSum(scope, scope_id, type_id, profiles, united(found), block)
