"""Gathers the growth page: the steepest call sites with their slopes, pictures and links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dashboards.asked import PageQuestion
from dashboards.figures.growth import AREA_SITES, SPARK_HEIGHT, SPARK_WIDTH, Spark, growth_figure, spark
from dashboards.links import service_url, source_url
from dashboards.scope import Scope
from profiler_server.accounts.models import Role
from profiler_server.analysis.actions.ask_agents import ABLE_LANGUAGES
from profiler_server.analysis.growing_site import MAX_SITE_FRAMES
from profiler_server.analysis.queries import holder_reports
from profiler_server.catalog.queries import restarts
from profiler_server.core.errors import Conflict, NotFound
from profiler_server.core.grouping import package_of
from profiler_server.core.profile import FloatArray, Frame
from profiler_server.core.slope import Slope, rises, segments_of, slopes_with_interval
from profiler_server.profiles import queries

BUCKETS = 96
CARDS = 24
SITES = 2_000
HOLDERS = 3
PATH_FRAMES = 12
LEAST_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Holder:
    """A path of objects that keeps a site's memory, as an agent found it; `share` of 1."""

    path: str
    share: float


@dataclass(frozen=True)
class SiteCard:
    """One call site: its leaf frame, the frames above it, its slope and where to go from here.

    `rises` whether it climbs in whatever line; `site` are its frames as JSON, as its holders are asked for.
    """

    rank: int
    frame: Frame
    path: tuple[Frame, ...]
    slope: Slope
    first: float
    last: float
    spark: Spark
    links: dict[str, str]
    holders: tuple[Holder, ...]
    rises: bool
    site: str

    @property
    def place(self) -> str:
        """Return file and line as text."""
        return f"{self.frame.file}:{self.frame.line}" if self.frame.line else self.frame.file

    @property
    def caller(self) -> str:
        """Return the nearest caller that is a function of another package, which tells equal sites apart."""
        home = package_of(self.frame)
        other = next((frame for frame in self.path if package_of(frame) != home), None)
        return (other or self.path[0]).function if self.path else ""

    @property
    def sure(self) -> bool:
        """Return whether the whole interval lies above nought."""
        return self.slope.low > 0


@dataclass(frozen=True)
class GrowthPage:
    """Everything that the template shows."""

    cards: tuple[SiteCard, ...]
    figure: dict[str, Any] | None
    growing: int = 0
    may_ask: bool = False
    spark_width: float = SPARK_WIDTH
    spark_height: float = SPARK_HEIGHT
    area_sites: int = AREA_SITES


def growth_page(question: PageQuestion, scope: Scope, *, unit: str) -> GrowthPage:
    """Ask the store and draw. The steepest site comes first."""
    try:
        found = queries.site_growth(question.selection, buckets=BUCKETS, limit=SITES)
    except NotFound:
        return GrowthPage((), None)
    if not len(found.sites):
        return GrowthPage((), None)
    breaks = restarts(question.service.pk, question.asked.start, question.asked.end)
    slopes = slopes_with_interval(found.ts, found.values, breaks)
    growing = _growing(found.values, slopes)
    order = growing[:CARDS]
    known = _holders(question)
    cards = tuple(
        _card(rank, found.sites[i], _measured(found, i, slopes[i], breaks), (question, known))
        for rank, i in enumerate(order, start=1)
    )
    rows = [(card.frame.function, found.values[i]) for card, i in zip(cards, order, strict=True)]
    figure = growth_figure(found.ts, rows, unit=unit, zone=scope.zone)
    may_ask = question.service.language in ABLE_LANGUAGES and scope.role in {Role.ENGINEER, Role.ADMIN}
    return GrowthPage(cards, json.loads(figure.to_json()) if rows else None, len(growing), may_ask)


def site_from(text: str) -> tuple[Frame, ...]:
    """Return the frames that a card's form carries (leaf first). Raises `Conflict` for anything else."""
    try:
        rows = json.loads(text)
        frames = tuple(Frame(str(row["function"]), str(row["file"]), int(row["line"])) for row in rows)
    except (ValueError, TypeError, KeyError):
        frames = ()
    if not 0 < len(frames) <= MAX_SITE_FRAMES:
        raise Conflict("The form does not name a call site; reload the page and try again.")
    return frames


def _measured(
    found: queries.SiteGrowth, i: int, slope: Slope, breaks: Sequence[float]
) -> tuple[FloatArray, Slope, Spark, bool]:
    """Return a site's values, its slope, its picture, and whether it climbs."""
    values = found.values[i]
    picture = spark(found.ts, values, segments_of(found.ts, breaks))
    return values, slope, picture, rises(found.ts, values, breaks)


def _growing(values: FloatArray, slopes: Sequence[Slope]) -> list[int]:
    """Return the rows whose size and whose slope matter beside the largest, steepest first."""
    peaks = np.nanmax(np.nan_to_num(values), axis=1)
    floor = LEAST_SHARE * float(peaks.max(initial=0.0))
    slowest = LEAST_SHARE * max((slope.per_hour for slope in slopes), default=0.0)
    rows = [i for i, slope in enumerate(slopes) if slope.per_hour > max(slowest, 0.0) and peaks[i] >= floor]
    return sorted(rows, key=lambda i: -slopes[i].per_hour)


def _card(
    rank: int,
    stack: tuple[Frame, ...],
    measured: tuple[FloatArray, Slope, Spark, bool],
    known: tuple[PageQuestion, dict[str, tuple[Holder, ...]]],
) -> SiteCard:
    values, slope, picture, climbs = measured
    question, holders = known
    leaf = stack[0] if stack else Frame("unknown")
    measured_values = values[np.isfinite(values)]
    return SiteCard(
        rank=rank,
        frame=leaf,
        path=stack[1 : PATH_FRAMES + 1],
        slope=slope,
        first=float(measured_values[0]) if len(measured_values) else 0.0,
        last=float(measured_values[-1]) if len(measured_values) else 0.0,
        spark=picture,
        links=_links(question, leaf),
        holders=holders.get(leaf.function, ()),
        rises=climbs,
        site=json.dumps([asdict(frame) for frame in stack[:MAX_SITE_FRAMES]]),
    )


def _holders(question: PageQuestion) -> dict[str, tuple[Holder, ...]]:
    """Return the newest holder paths by the function that allocates."""
    service = question.service
    found: dict[str, tuple[Holder, ...]] = {}
    for report in holder_reports(service.project_id, service_id=service.pk):
        function = report.site[0]["function"] if report.site else ""
        paths = tuple(Holder(str(each["path"]), float(each["share"])) for each in report.paths[:HOLDERS])
        if paths:
            found.setdefault(function, paths)
    return found


def _links(question: PageQuestion, leaf: Frame) -> dict[str, str]:
    """Return one click to the site's flame graph, its callers, its comparison and its source."""
    service, period, asked = question.service, question.period, question.asked
    at: dict[str, str | Sequence[str]] = {
        "from": f"{period.start:.0f}", "to": f"{period.end:.0f}", "type": asked.sample_type,
        "release": asked.release or "", "instance": [str(pk) for pk in asked.instance_ids or ()],
    } | {f"label.{key}": value for key, value in asked.labels}  # fmt: skip
    half = period.start + period.seconds / 2
    return {
        "flame": service_url(service.name, "flame", **at, focus=f"={leaf.function}", search=leaf.function),
        "callers": service_url(service.name, "flame", **at, sandwich=leaf.function),
        "compare": service_url(
            service.name,
            "compare",
            **(at | {"from": f"{half:.0f}"}),
            base_from=at["from"],
            base_to=f"{half:.0f}",
            search=leaf.function,
        ),
        "source": source_url(
            service.source_url_template, file=leaf.file, line=leaf.line, release=asked.release or ""
        ),
    }
