"""What one instance sent in one window, all sample types, in memory: from hot rows, from a chunk, or from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.core.profile import Int32Array, Int64Array
from profiler_server.profiles.blocks import SiteValues, gather_sites
from profiler_server.profiles.catalogue import Catalogue
from profiler_server.profiles.reading import Reading
from profiler_server.profiles.shapes import StoredShape


@dataclass(frozen=True, eq=False)
class WindowContents:
    """`catalogue` of t profiles; `site_ids` int32[s] rising; `cube` int64[s, t, types]."""

    instance_id: int
    stored: StoredShape
    catalogue: Catalogue
    site_ids: Int32Array
    cube: Int64Array

    def reading(self, column: int) -> Reading:
        """Return one sample type of it."""
        taken = self.catalogue.taken_us
        return Reading(self.instance_id, self.stored.shape_id, taken, self.site_ids, self.cube[:, :, column])

    def profiles(self) -> list[SiteValues]:
        """Return the profiles one by one."""
        return [gather_sites(self.site_ids, self.cube[:, at, :]) for at in range(len(self.catalogue))]


def of_profiles(
    instance_id: int, stored: StoredShape, catalogue: Catalogue, profiles: Sequence[SiteValues]
) -> WindowContents:
    """Return profiles, in the order of the catalogue, as contents."""
    site_ids = np.unique(np.concatenate([profile.site_ids for profile in profiles]))
    cube = np.zeros((len(site_ids), len(profiles), len(stored.type_ids)), np.int64)
    for at, profile in enumerate(profiles):
        cube[np.searchsorted(site_ids, profile.site_ids), at] = profile.values
    return WindowContents(instance_id, stored, catalogue, site_ids, cube)


def joined(old: WindowContents, new: WindowContents) -> WindowContents:
    """Return both together in the order of time; what `old` has already is not taken twice."""
    fresh = ~np.isin(new.catalogue.taken_us, old.catalogue.taken_us)
    site_ids = np.union1d(old.site_ids, new.site_ids)
    times = len(old.catalogue) + int(fresh.sum())
    cube = np.zeros((len(site_ids), times, old.cube.shape[2]), np.int64)
    cube[np.searchsorted(site_ids, old.site_ids), : len(old.catalogue)] = old.cube
    cube[np.searchsorted(site_ids, new.site_ids), len(old.catalogue) :] = new.cube[:, fresh]
    parts = (old.catalogue, new.catalogue.select(fresh))
    order = np.argsort(np.concatenate([part.taken_us for part in parts]), kind="stable")
    catalogue = Catalogue(
        np.concatenate([part.taken_us for part in parts])[order],
        np.concatenate([part.durations_ns for part in parts])[order],
        np.concatenate([part.samples for part in parts])[order],
        np.concatenate([part.totals for part in parts])[order],
    )
    return WindowContents(old.instance_id, old.stored, catalogue, site_ids, cube[:, order])
