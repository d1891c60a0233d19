"""What is asked of stored profiles, and what comes back beside `core`'s own types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.profile import FloatArray, Frame, SampleType
from profiler_server.profiles.keys import ServiceKey

DEFAULT_SAMPLE_TYPE = "inuse_space"


@dataclass(frozen=True, slots=True)
class ProfileSelection:
    """Profiles of one service taken in [start, end), or the one snapshot that is named.

    `instance_ids`, `release` and `labels` narrow it: a label's key is one of the instances' or of the samples', its
    value a text or several. Raises `LimitExceeded` when the end is not after the start.
    """

    project_id: int
    service_id: int
    start: datetime
    end: datetime
    sample_type: str = field(default=DEFAULT_SAMPLE_TYPE, kw_only=True)
    instance_ids: Sequence[int] | None = field(default=None, kw_only=True)
    release: str | None = field(default=None, kw_only=True)
    labels: Mapping[str, str | Sequence[str]] | None = field(default=None, kw_only=True)
    snapshot_id: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.snapshot_id is None and self.end <= self.start:
            raise LimitExceeded("The end of the time range must lie after its start.")

    @property
    def service(self) -> ServiceKey:
        """Return the service's key."""
        return ServiceKey(self.project_id, self.service_id)


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """One stored profile: `totals` by the name of the sample type, `stacks` how many samples it has."""

    id: str
    instance_id: int
    taken_at: datetime
    release: str
    sample_types: tuple[SampleType, ...]
    stacks: int
    totals: dict[str, int]
    pinned: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SiteGrowth:
    """Values per site over time: `sites` are stacks, leaf first; `ts` float64[b] are the buckets' middles.

    `values` float64[n_sites, b], NaN where a bucket has no data; steepest growth first.
    """

    sites: tuple[tuple[Frame, ...], ...]
    ts: FloatArray
    values: FloatArray
