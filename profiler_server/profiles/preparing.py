"""From a body to what is stored: values per site, with the shape that they have.

The ordinary case reads a body's values and hashes its stacks without touching a symbol; only stacks that this process
has not seen are symbolised and looked up in the database. Samples with labels beside Go's "bytes" take the long way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler_server.catalog.models import Instance
from profiler_server.codecs import pprof, pprof_scan
from profiler_server.codecs.compression import unpack
from profiler_server.codecs.pprof_scan import Scan
from profiler_server.core.profile import Int32Array, Int64Array, IntArray, LabelSet, Profile
from profiler_server.core.validate import DEFAULT_LIMITS
from profiler_server.profiles.arranging import arrange
from profiler_server.profiles.blocks import Origin, SiteValues, gather_sites
from profiler_server.profiles.interning import SiteTable, intern_sites
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.known_sites import (
    UNKNOWN,
    Familiar,
    TableKey,
    familiar,
    look_up,
    remember,
    remember_familiar,
)
from profiler_server.profiles.shapes import NO_PERIOD, Shape, StoredShape, intern_shape

SIZE_LABEL = "bytes"  # Go's label for the size of a sample's blocks


@dataclass(frozen=True, eq=False)
class PreparedProfile:
    """A profile ready to be written."""

    stored_shape: StoredShape
    sites: SiteValues
    origin: Origin
    duration_ns: int


def prepare(instance: Instance, body: bytes | Profile) -> PreparedProfile:
    """Decode a body and give its call sites their ids. Raises `InvalidProfile` and `LimitExceeded`."""
    service = ServiceKey(instance.project_id, instance.service_id)
    if isinstance(body, Profile):
        return _prepare_profile(service, body)
    plain = unpack(body, DEFAULT_LIMITS.unpacked_bytes)
    scan = pprof_scan.scan(plain)
    if scan.has_other_labels:
        return _prepare_profile(service, pprof.decode(plain))
    stored = intern_shape(service, _shape_of(scan))
    table_key = TableKey(service, scan.build, 0 if scan.content_keys or scan.has_build_id else instance.pk)
    known = familiar(table_key, instance.pk, scan.keys)
    if known is not None:
        return _prepare_familiar(stored, known, scan)
    site_ids = _sites_of(service, table_key, plain, scan)
    if (look_up(table_key, scan.keys) == site_ids).all():
        _note_familiar(table_key, instance.pk, scan, site_ids)
    return _prepared(stored, (site_ids, scan.block_bytes), scan.values, scan.duration_ns)


def block_size(labels: LabelSet) -> int:
    """Return the block size that a label set states, or 0."""
    return next((v for key, v in labels if key == SIZE_LABEL and isinstance(v, int) and v > 0), 0)


def _prepare_profile(service: ServiceKey, profile: Profile) -> PreparedProfile:
    stored = intern_shape(service, _shape_of(profile))
    table = SiteTable(profile.stacks, profile.stack_ids, profile.labels, profile.label_ids)
    site_ids = intern_sites(service, table)
    sizes = np.array([block_size(labels) for labels in profile.labels] or [0], np.int64)[profile.label_ids]
    return _prepared(stored, (site_ids, sizes), profile.values, profile.duration_ns)


def _prepared(
    stored: StoredShape, sites: tuple[Int32Array, Int64Array], values: Int64Array, duration_ns: int
) -> PreparedProfile:
    site_ids, sizes = sites
    origin = Origin(values.shape[1], stored.shape.go_rate, _sizes_by_site(site_ids, sizes))
    return PreparedProfile(stored, gather_sites(site_ids, values), origin, duration_ns)


def _shape_of(source: Profile | Scan) -> Shape:
    return Shape(
        sample_types=source.sample_types,
        period_type=source.period_type or NO_PERIOD,
        period=source.period,
        default_type=source.default_sample_type,
        is_delta=source.duration_ns > 0,
    )


def _prepare_familiar(stored: StoredShape, known: Familiar, scan: Scan) -> PreparedProfile:
    """Put the values in the order of the sites, which is known already."""
    site_ids, values, sizes = arrange(scan.values, known.order, known.starts, known.site_ids, known.sizes)
    sites = SiteValues(site_ids, values)
    origin = Origin(values.shape[1], stored.shape.go_rate, sizes, sizes_by_row=True)
    return PreparedProfile(stored, sites, origin, scan.duration_ns)


def _note_familiar(table_key: TableKey, instance_id: int, scan: Scan, site_ids: Int32Array) -> None:
    """Remember the order of a profile whose stacks are all known."""
    if not len(site_ids):
        return
    order = np.argsort(site_ids, kind="stable")
    starts = np.flatnonzero(np.diff(site_ids[order], prepend=np.int32(-1)))
    chosen = order[starts]
    known = Familiar(
        keys=scan.keys,
        order=order,
        starts=starts,
        site_ids=site_ids[chosen],
        sizes=np.maximum(scan.block_bytes[chosen], 0),
    )
    remember_familiar(table_key, instance_id, known)


def _sites_of(service: ServiceKey, table_key: TableKey, plain: bytes, scan: Scan) -> Int32Array:
    """Return int32[n], the site of each sample; unknown stacks are symbolised and interned."""
    site_ids = look_up(table_key, scan.keys)
    missing = np.flatnonzero(site_ids == UNKNOWN)
    if not len(missing):
        return site_ids
    keys, first, inverse = np.unique(scan.keys[missing], return_index=True, return_inverse=True)
    found = intern_sites(service, _table_of(plain, missing[first], scan.block_bytes))
    site_ids[missing] = found[inverse]
    remember(table_key, keys, found)
    return site_ids


def _table_of(plain: bytes, which: IntArray, block_bytes: Int64Array) -> SiteTable:
    """Return the stacks and labels of some samples, row by row."""
    stacks = pprof_scan.symbolise(plain, which)
    sizes, label_ids = np.unique(block_bytes[which], return_inverse=True)
    labels = tuple(((SIZE_LABEL, size),) if size else () for size in sizes.tolist())
    return SiteTable(stacks, np.arange(len(which)), labels, label_ids)


def _sizes_by_site(site_ids: IntArray, sizes: Int64Array) -> Int64Array:
    """Return int64[highest site + 1]: the block size of each site given, 0 elsewhere."""
    by_site = np.zeros(int(site_ids.max(initial=-1)) + 1, np.int64)
    by_site[site_ids] = np.maximum(sizes, 0)
    return by_site
