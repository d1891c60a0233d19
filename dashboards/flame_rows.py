"""The rows of the tables beside the graphs, and what the selects above them offer."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.asked import PageQuestion, preferred_type
from profiler_server.catalog import queries as catalog
from profiler_server.core.errors import NotFound
from profiler_server.core.grouping import Granularity
from profiler_server.core.profile import Frame
from profiler_server.core.top import TopRow
from profiler_server.profiles import queries
from profiler_server.profiles.queries import ProfileSelection

FALLBACK_ROWS = 50
PATH_PARTS = 2
SAMPLE_TYPES = ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects")


@dataclass(frozen=True, slots=True)
class Row:
    """One function of the table; the values before are 0 where nothing is compared."""

    frame: Frame
    flat: int
    cumulative: int
    flat_before: int = 0
    cumulative_before: int = 0

    @property
    def function(self) -> str:
        """Return the function's name."""
        return self.frame.function

    @property
    def file(self) -> str:
        """Return the file with its whole path."""
        return self.frame.file

    @property
    def place(self) -> str:
        """Return the end of the file's path, and the line where it is known."""
        short = "/".join(self.frame.file.split("/")[-PATH_PARTS:])
        return f"{short}:{self.frame.line}" if self.frame.line else short

    @property
    def flat_delta(self) -> int:
        """Return the change of the flat value."""
        return self.flat - self.flat_before

    @property
    def cumulative_delta(self) -> int:
        """Return the change of the cumulative value."""
        return self.cumulative - self.cumulative_before


@dataclass(frozen=True)
class ReleaseSpan:
    """A release, and from when to when it was seen running, in unix seconds."""

    version: str
    first: float
    last: float


@dataclass(frozen=True)
class Choices:
    """What can be chosen above the graph."""

    sample_types: tuple[str, ...]
    instances: tuple[tuple[str, str], ...]
    releases: tuple[str, ...]
    stored: bool
    release_spans: tuple[ReleaseSpan, ...] = ()
    granularities: tuple[str, ...] = tuple(each.value for each in Granularity)

    @property
    def first_type(self) -> str:
        """Return the sample type of an address that names none."""
        return preferred_type(self.sample_types)


def plain_rows(selection: ProfileSelection, granularity: Granularity) -> list[Row]:
    """Return the functions that hold most, by cumulative value; none where nothing of the kind is stored."""
    shown = [Row(each.frame, each.flat, each.cumulative) for each in _top(selection, granularity)]
    return sorted(shown, key=lambda row: -row.cumulative)[:FALLBACK_ROWS]


def compared_rows(
    current: ProfileSelection, baseline: ProfileSelection, granularity: Granularity
) -> list[Row]:
    """Return the functions that changed most, growth first, by cumulative value."""
    rows = changed_rows(current, baseline, granularity)
    return sorted(rows, key=lambda row: (-row.cumulative_delta, row.function))[:FALLBACK_ROWS]


def changed_rows(
    current: ProfileSelection, baseline: ProfileSelection, granularity: Granularity
) -> list[Row]:
    """Return every function of either selection with both its values."""
    after = {each.frame: each for each in _top(current, granularity)}
    before = {each.frame: each for each in _top(baseline, granularity)}
    return [_compared(frame, after.get(frame), before.get(frame)) for frame in after.keys() | before.keys()]


def choices(question: PageQuestion) -> Choices:
    """Return what the range offers: sample types, instances and releases."""
    asked, service = question.asked, question.service
    alive = catalog.instances(service.pk, asked.start, asked.end)
    stored = tuple(kind.name for kind in queries.sample_types(service.project_id, service.pk))
    spans = tuple(
        ReleaseSpan(each.version, each.first_seen_at.timestamp(), each.last_seen_at.timestamp())
        for each in catalog.releases(service.pk)
    )
    return Choices(
        sample_types=stored or SAMPLE_TYPES,
        instances=tuple((str(each.pk), each.key) for each in alive),
        releases=tuple(each.version for each in spans),
        stored=bool(stored),
        release_spans=spans,
    )


def _top(selection: ProfileSelection, granularity: Granularity) -> list[TopRow]:
    try:
        return queries.top(selection, limit=queries.MAX_TOP_ROWS, granularity=granularity)
    except NotFound:
        return []  # the graph's own request says what is missing


def _compared(frame: Frame, after: TopRow | None, before: TopRow | None) -> Row:
    return Row(
        frame,
        after.flat if after else 0,
        after.cumulative if after else 0,
        before.flat if before else 0,
        before.cumulative if before else 0,
    )
