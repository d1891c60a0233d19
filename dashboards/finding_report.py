"""Gathers what the finding page says: one dataclass, so that the template holds no logic and no query."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dashboards.figures.floor import Floor, FloorPicture, Forecast, floor_figure
from dashboards.finding_comparison import FindingComparison, finding_comparison
from dashboards.finding_evidence import Latency, facts_of, latency_of
from dashboards.finding_memory import FindingMemory, finding_memory
from dashboards.finding_words import channel_name, reason_of
from dashboards.links import compare_url, flame_url, service_url, source_url
from dashboards.scope import Scope
from profiler_server.accounts.models import Membership, Role
from profiler_server.analysis import queries
from profiler_server.analysis.advice import diagnosis_name, next_steps
from profiler_server.analysis.models import Family, Finding, FindingEvent, HolderReport
from profiler_server.catalog.models import Release
from profiler_server.core import units

MAX_SUSPECTS = 10
MAX_MEMBERS = 12
MAX_RELEASES = 12
MARGIN = 0.1
RARE = 0.1
AFTERWARDS = (
    "Nothing: it is resolved. If it grows again, this finding comes back by itself, with its history."
)


@dataclass(frozen=True)
class MemberRow:
    """One call site of a suspect that stands for several; `share` as text, "" where it is not known."""

    function: str
    place: str
    source: str
    share: str
    flame: str


@dataclass(frozen=True)
class SuspectRow:
    """A guilty place as the page lists it: its texts, its share as 0–100 for the bar, and where to look at it."""

    function: str
    place: str
    path: Sequence[str]
    below: Sequence[str]
    members: Sequence[MemberRow]
    share: float | None
    share_percent: float
    growth: str
    flat: str
    source: str
    flame: str
    compare: str


@dataclass(frozen=True)
class AlternativeRow:
    """An innocent explanation and why it does not hold."""

    name: str
    rejected: bool
    reason: str


@dataclass(frozen=True)
class ReleaseRow:
    """A release of the service, and what it has to do with the finding."""

    release: Release
    note: str


@dataclass(frozen=True)
class Cure:
    """Which release ended a finding, since when it runs, and where both can be seen."""

    release: str
    grew_in: str
    since: datetime | None
    timeline: str


@dataclass(frozen=True)
class FindingReport:
    """All that the finding page shows."""

    finding: Finding
    title: str
    no_leak: bool
    of_heap: bool
    of_memory: bool
    steps: Sequence[str]
    growth: str
    growth_range: str
    per_request: str
    suspects: Sequence[SuspectRow]
    alternatives: Sequence[AlternativeRow]
    facts: Sequence[tuple[str, str]]
    memory: FindingMemory
    latency: Latency | None
    cure: Cure | None
    figure: Mapping[str, Any] | None
    floor_rows: Sequence[tuple[float, str, str, str]]
    undecided_until: datetime | None
    releases: Sequence[ReleaseRow]
    holders: Sequence[HolderReport]
    events: Sequence[FindingEvent]
    members: Sequence[tuple[int, str]]
    may_act: bool
    comparison: FindingComparison
    compare: str
    service: str
    timeline: str


def finding_report(scope: Scope, found: Finding) -> FindingReport:
    """Return the report of a finding that the caller has fetched within the scope's project."""
    before, after = queries.baseline_and_current(found)
    evidence: Mapping[str, Any] = found.evidence or {}
    unit = unit_of_finding(found)
    picture = _picture(scope, found, evidence, unit)
    return FindingReport(
        finding=found,
        title=diagnosis_name(found.diagnosis),
        no_leak=found.family == Family.RETENTION,
        of_heap=found.family == Family.HEAP,
        of_memory=unit == "bytes",
        steps=next_steps(found.diagnosis) if found.is_open else (AFTERWARDS,),
        growth=_growth(found, unit),
        growth_range=_range_text(found.growth_low, found.growth_high, unit),
        per_request=_per_request(found, unit),
        suspects=_suspects(found, before, after),
        alternatives=_alternatives(evidence),
        facts=facts_of(evidence),
        memory=finding_memory(found, lasting=after[1] - after[0]),
        latency=latency_of(evidence),
        cure=_cure(found),
        figure=json.loads(floor_figure(picture).to_json()) if picture.floors else None,
        floor_rows=_floor_rows(picture),
        undecided_until=_undecided_until(found, evidence),
        releases=_releases(found),
        holders=queries.holder_reports(scope.project.pk, finding_id=found.pk),
        events=queries.events(scope.project.pk, found.pk),
        members=_members(scope),
        may_act=scope.role in {Role.ENGINEER, Role.ADMIN},
        comparison=finding_comparison(found, before, after),
        compare=compare_url(found.service.name, before, after),
        service=service_url(found.service.name),
        timeline=service_url(
            found.service.name,
            from_=f"{before[0].timestamp() - 600:.0f}",
            to=f"{after[1].timestamp() + 60:.0f}",
        ),
    )


def unit_of_finding(found: Finding) -> str:
    """Return the unit in which a finding grows: bytes, or a count of things."""
    return "count" if found.diagnosis == "resource_leak" else "bytes"


def rate_text(per_hour: float | None, unit: str) -> str:
    """Return a rate of growth: "+12.3 MiB/h", or "+40 /h" for counted things."""
    if unit == "bytes":
        return units.format_growth(per_hour)
    return f"{units.format_count(per_hour, signed=True)}/h"


def _growth(found: Finding, unit: str) -> str:
    """Return how fast it grows, with the name of what is counted."""
    signal = str((found.evidence or {}).get("signal") or "")
    if unit == "bytes" or not signal or found.growth_bytes_per_hour is None:
        return rate_text(found.growth_bytes_per_hour, unit)
    return f"{units.format_count(found.growth_bytes_per_hour, signed=True)} {channel_name(signal)}/h"


def _per_request(found: Finding, unit: str) -> str:
    """Return the growth in the terms of requests: "2.1 KiB per request", "1 per 83 requests"."""
    each = found.bytes_per_request
    if not each:
        return ""
    if unit == "bytes":
        return f"{units.format_bytes(each)} per request"
    return f"{each:.2g} per request" if each >= RARE else f"1 per {1 / each:,.0f} requests"


def _range_text(low: float | None, high: float | None, unit: str) -> str:
    if low is None or high is None:
        return ""
    return f"{rate_text(low, unit)} to {rate_text(high, unit)}"


def _suspects(found: Finding, before: Any, after: Any) -> list[SuspectRow]:
    service, rows = found.service, []
    for suspect in found.suspects[:MAX_SUSPECTS]:
        function, share = str(suspect.get("function", "")), suspect.get("share")
        rows.append(
            SuspectRow(
                function=function,
                place=_place(suspect),
                path=[_frame_text(frame) for frame in suspect.get("path", ())],
                below=[_frame_text(frame) for frame in suspect.get("below") or ()],
                members=_members_of(found, suspect, after),
                share=share,
                share_percent=round(100 * min(max(float(share or 0.0), 0.0), 1.0), 1),
                growth=rate_text(suspect.get("growth_bytes_per_hour"), "bytes"),
                flat=units.format_bytes(suspect.get("flat_bytes")),
                source=_source(found, suspect),
                flame=flame_url(service.name, after, search=function),
                compare=compare_url(service.name, before, after, search=function),
            )
        )
    return rows


def _members_of(found: Finding, suspect: Mapping[str, Any], after: Any) -> list[MemberRow]:
    """Return the call sites that a suspect groups; none where it is one call site itself."""
    members = suspect.get("members") or ()
    return [
        MemberRow(
            str(member.get("function", "")),
            _place(member),
            _source(found, member),
            "" if member.get("share") is None else units.format_share(float(member["share"])),
            flame_url(found.service.name, after, search=str(member.get("function", ""))),
        )
        for member in members[:MAX_MEMBERS]
        if len(members) > 1
    ]


def _place(site: Mapping[str, Any]) -> str:
    file, line = str(site.get("file", "")), int(site.get("line") or 0)
    return f"{file}:{line}" if file and line else file


def _source(found: Finding, site: Mapping[str, Any]) -> str:
    return source_url(
        found.service.source_url_template, file=str(site.get("file", "")), line=int(site.get("line") or 0),
        release=found.first_release,
    )  # fmt: skip


def _frame_text(frame: Any) -> str:
    return str(frame.get("function", "")) if isinstance(frame, Mapping) else str(frame)


def _alternatives(evidence: Mapping[str, Any]) -> list[AlternativeRow]:
    return [
        AlternativeRow(str(row["name"]).replace("_", " "), bool(row["rejected"]), reason_of(row))
        for row in evidence.get("alternatives") or ()
    ]


def _picture(scope: Scope, found: Finding, evidence: Mapping[str, Any], unit: str) -> FloorPicture:
    floors = [
        Floor(
            str(row["instance"]),
            *(np.asarray(row[key], dtype=np.float64) for key in ("ts", "value", "fitted")),
        )
        for row in evidence.get("floor") or ()
    ]
    forecast = None
    if found.is_open and found.forecast_p10_at and found.forecast_p50_at and found.forecast_p90_at:
        made = found.forecast_made_at or found.updated_at
        forecast = Forecast(
            made.timestamp(),
            found.forecast_p10_at.timestamp(),
            found.forecast_p50_at.timestamp(),
            found.forecast_p90_at.timestamp(),
        )
    return FloorPicture(
        [floor for floor in floors if len(floor.ts)], unit, scope.zone, found.started_at.timestamp(),
        limit=found.limit_bytes, forecast=forecast,
    )  # fmt: skip


def _undecided_until(found: Finding, evidence: Mapping[str, Any]) -> datetime | None:
    """Return when a young process's growth can be told from caches that fill; None once that is past."""
    until = evidence.get("undecided_until")
    if until is None or not found.is_open or float(until) <= found.updated_at.timestamp():
        return None
    return datetime.fromtimestamp(float(until), UTC)


def _floor_rows(picture: FloorPicture) -> list[tuple[float, str, str, str]]:
    """Return the picture's numbers: time, instance, floor and fit as texts, one row per point."""
    return [
        (
            float(at),
            floor.instance,
            units.format_value(value, picture.unit),
            units.format_value(fitted, picture.unit),
        )
        for floor in picture.floors
        for at, value, fitted in zip(floor.ts, floor.value, floor.fitted, strict=True)
    ]


def _releases(found: Finding) -> list[ReleaseRow]:
    rows = Release.objects.filter(project_id=found.project_id, service_id=found.service_id).order_by(
        "-first_seen_at"
    )
    return [ReleaseRow(release, _note(release, found)) for release in rows[:MAX_RELEASES]]


def _cure(found: Finding) -> Cure | None:
    if found.is_open or not found.cured_by_release or found.resolved_at is None:
        return None
    release = Release.objects.filter(service_id=found.service_id, version=found.cured_by_release).first()
    span = found.resolved_at - found.started_at
    around = {
        "from_": f"{(found.started_at - MARGIN * span).timestamp():.0f}",
        "to": f"{(found.resolved_at + MARGIN * span).timestamp():.0f}",
    }
    return Cure(
        found.cured_by_release,
        found.first_release,
        release.first_seen_at if release else None,
        service_url(found.service.name, **around),
    )


def _note(release: Release, found: Finding) -> str:
    if release.version == found.first_release:
        return "first release in which it grows"
    if release.version == found.cured_by_release:
        return "cured it"
    return ""


def _members(scope: Scope) -> list[tuple[int, str]]:
    rows = (
        Membership.objects.filter(project_id=scope.project.pk)
        .select_related("user")
        .order_by("user__username")
    )
    return [(row.user_id, row.user.get_username()) for row in rows]
