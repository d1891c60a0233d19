"""The small comparison on a finding's page: the functions that grew most, before and now, from the stored profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboards.asked import default_sample_type
from dashboards.flame_rows import Row, changed_rows
from dashboards.links import Range, compare_url, source_url
from profiler_server.analysis.models import Finding
from profiler_server.core import units
from profiler_server.core.errors import LimitExceeded
from profiler_server.core.grouping import Granularity
from profiler_server.profiles.queries import ProfileSelection

SHOWN = 5
LEAST_SHARE = 0.01
BAR_WIDTH = 100.0


@dataclass(frozen=True)
class GrownRow:
    """A function's own memory before and now in words; the bar's parts are 0–`BAR_WIDTH`, a share of all functions."""

    function: str
    place: str
    source: str
    compare: str
    before: str
    now: str
    change: str
    bar_before: float
    bar_growth: float


@dataclass(frozen=True)
class FindingComparison:
    """The rows, the sums of all functions, and the ranges; `missing` says why there are no rows."""

    rows: Sequence[GrownRow]
    before: Range
    now: Range
    total_before: str
    total_now: str
    missing: str
    url: str


def finding_comparison(found: Finding, before: Range, now: Range) -> FindingComparison:
    """Return the comparison of two ranges of a finding's service, by what functions allocated themselves."""
    service = found.service
    sample_type = default_sample_type(service)
    whole = FindingComparison((), before, now, "", "", "", compare_url(service.name, before, now))
    selections = [
        ProfileSelection(service.project_id, service.pk, *part, sample_type=sample_type)
        for part in (now, before)
    ]
    try:
        changed = changed_rows(selections[0], selections[1], Granularity.FUNCTION)
    except LimitExceeded as error:
        return replace(whole, missing=str(error))
    if not changed:
        return replace(whole, missing="No profile of the two ranges is stored.")
    unit = "bytes" if sample_type.endswith("_space") else "count"
    before_sum, now_sum = sum(row.flat_before for row in changed), sum(row.flat for row in changed)
    largest = max(before_sum, now_sum, 1)
    grown = [row for row in changed if row.flat_delta > LEAST_SHARE * largest]
    grown.sort(key=lambda row: (-row.flat_delta, row.function))
    return replace(
        whole,
        rows=[_grown(row, found, whole, unit=unit, largest=largest) for row in grown[:SHOWN]],
        total_before=units.format_value(before_sum, unit),
        total_now=units.format_value(now_sum, unit),
        missing="" if grown else "No function of the profiled heap holds noticeably more than before.",
    )


def _grown(row: Row, found: Finding, whole: FindingComparison, *, unit: str, largest: int) -> GrownRow:
    service, scale = found.service, BAR_WIDTH / largest
    return GrownRow(
        function=row.function,
        place=row.place,
        source=source_url(
            service.source_url_template, file=row.file, line=row.frame.line, release=found.first_release
        ),
        compare=compare_url(service.name, whole.before, whole.now, search=row.function),
        before=units.format_value(row.flat_before, unit),
        now=units.format_value(row.flat, unit),
        change=units.format_value(row.flat_delta, unit, signed=True),
        bar_before=round(row.flat_before * scale, 1),
        bar_growth=round(row.flat_delta * scale, 1),
    )
