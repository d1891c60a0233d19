"""From a body to what is stored: values per site, with the shape that they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler_server.catalog.models import Instance
from profiler_server.codecs import pprof
from profiler_server.core.profile import Int64Array, IntArray, LabelSet, Profile
from profiler_server.profiles.blocks import Origin, SiteValues, gather_sites
from profiler_server.profiles.interning import SiteTable, intern_sites
from profiler_server.profiles.keys import ServiceKey
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
    """Decode a body and intern what it names. Raises `InvalidProfile` and `LimitExceeded`."""
    service = ServiceKey(instance.project_id, instance.service_id)
    profile = pprof.decode(body) if isinstance(body, bytes) else body
    stored = intern_shape(service, shape_of_profile(profile))
    table = SiteTable(profile.stacks, profile.stack_ids, profile.labels, profile.label_ids)
    site_ids = intern_sites(service, table)
    sizes = np.array([block_size(labels) for labels in profile.labels] or [0], np.int64)[profile.label_ids]
    origin = Origin(len(profile.sample_types), stored.shape.go_rate, sizes_by_site(site_ids, sizes))
    return PreparedProfile(stored, gather_sites(site_ids, profile.values), origin, profile.duration_ns)


def shape_of_profile(profile: Profile) -> Shape:
    """Return the shape of a decoded profile."""
    return Shape(
        sample_types=profile.sample_types,
        period_type=profile.period_type or NO_PERIOD,
        period=profile.period,
        default_type=profile.default_sample_type,
        is_delta=profile.duration_ns > 0,
    )


def block_size(labels: LabelSet) -> int:
    """Return the block size that a label set states, or 0."""
    return next(
        (value for key, value in labels if key == SIZE_LABEL and isinstance(value, int) and value > 0), 0
    )


def sizes_by_site(site_ids: IntArray, sizes: Int64Array) -> Int64Array:
    """Return int64[highest site + 1]: the block size of each site given, 0 elsewhere."""
    by_site = np.zeros(int(site_ids.max(initial=-1)) + 1, np.int64)
    by_site[site_ids] = sizes
    return by_site
