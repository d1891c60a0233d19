"""Gathers what the finding page says: one dataclass, so that the template holds no logic and no query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from dashboards.finding_comparison import FindingComparison, finding_comparison
from dashboards.finding_headline import Figure, headline_figures
from dashboards.finding_memory import FindingMemory, finding_memory
from dashboards.finding_picture import FindingPictures, finding_pictures
from dashboards.finding_suspects import SuspectRow, suspects_of, why_unnamed
from dashboards.links import compare_url, seconds, service_url
from dashboards.scope import Scope
from profiler_server.accounts.models import Membership, Role
from profiler_server.analysis import queries
from profiler_server.analysis.advice import diagnosis_name, next_steps
from profiler_server.analysis.evidence_facts import AlternativeRow, Fact, alternatives_of, facts_of
from profiler_server.analysis.models import Family, Finding, FindingEvent, HolderReport
from profiler_server.analysis.wording import is_counted, rate_text, sentence_of, signal_of, without_forecast
from profiler_server.catalog.models import Release

MAX_RELEASES = 12
MARGIN = 0.1
LEAD_SECONDS, TAIL_SECONDS = 600.0, 60.0
AFTERWARDS = (
    "Nothing: it is resolved. If it grows again, this finding comes back by itself, with its history."
)


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
    sentence: str
    no_leak: bool
    of_heap: bool
    steps: Sequence[str]
    figures: Sequence[Figure]
    no_forecast: str
    set_limit: str
    cured: str
    ceiling: str
    suspects: Sequence[SuspectRow]
    unnamed: str
    alternatives: Sequence[AlternativeRow]
    facts: Sequence[Fact]
    memory: FindingMemory
    pictures: FindingPictures
    cure: Cure | None
    undecided_until: datetime | None
    releases: Sequence[ReleaseRow]
    holders: Sequence[HolderReport]
    events: Sequence[FindingEvent]
    members: Sequence[tuple[int, str]]
    may_act: bool
    comparison: FindingComparison
    compare: str
    growth: str
    service: str
    timeline: str


def finding_report(scope: Scope, found: Finding) -> FindingReport:
    """Return the report of a finding that the caller has fetched within the scope's project."""
    before, after = queries.baseline_and_current(found)
    evidence: Mapping[str, Any] = found.evidence or {}
    name, family = found.service.name, found.family
    suspects = suspects_of(found, before, after)
    memory = finding_memory(found, before, after)
    holders = queries.holder_reports(scope.project.pk, finding_id=found.pk)
    comparison = finding_comparison(found, before, after)
    unnamed = why_unnamed(found, has_profiles=bool(comparison.total_now))
    return FindingReport(
        finding=found,
        title=diagnosis_name(found.diagnosis),
        sentence=sentence_of(found),
        no_leak=family == Family.RETENTION,
        of_heap=family == Family.HEAP,
        steps=_steps(found),
        figures=headline_figures(found, suspects, memory, holders, unnamed=unnamed),
        no_forecast=without_forecast(found),
        set_limit=_set_limit(scope, found),
        cured=_cured_word(found),
        ceiling=rate_text(found.snoozed_growth_ceiling, found),
        suspects=suspects,
        unnamed=unnamed,
        alternatives=alternatives_of(evidence, family),
        facts=facts_of(evidence, family),
        memory=memory,
        pictures=finding_pictures(found, scope.zone),
        cure=_cure(found),
        undecided_until=_undecided_until(found, evidence),
        releases=_releases(found),
        holders=holders,
        events=queries.events(scope.project.pk, found.pk),
        members=_members(scope),
        may_act=scope.role in {Role.ENGINEER, Role.ADMIN},
        comparison=comparison,
        compare=compare_url(name, before, after),
        growth=service_url(name, "growth", from_=seconds(before[0]), to=seconds(after[1])),
        service=service_url(name),
        timeline=service_url(
            name,
            from_=f"{before[0].timestamp() - LEAD_SECONDS:.0f}",
            to=f"{after[1].timestamp() + TAIL_SECONDS:.0f}",
        ),
    )


def _steps(found: Finding) -> Sequence[str]:
    if not found.is_open:
        return (AFTERWARDS,)
    return next_steps(
        found.diagnosis,
        language=found.service.language,
        signal=signal_of(found),
        is_named=bool(found.suspects),
    )


def _set_limit(scope: Scope, found: Finding) -> str:
    """Return where the missing memory limit can be set, "" where none is missing or the reader may not."""
    may = scope.role in {Role.ENGINEER, Role.ADMIN}
    if not may or found.limit_bytes or is_counted(found) or not found.is_open:
        return ""
    return f"{reverse('settings')}?{urlencode({'service': found.service.name})}#services"


def _cured_word(found: Finding) -> str:
    """Return what a release did that ended a finding: what was no leak was not cured."""
    return "ended it" if found.family == Family.RETENTION else "cured it"


def _undecided_until(found: Finding, evidence: Mapping[str, Any]) -> datetime | None:
    """Return when a young process's growth can be told from caches that fill; None once that is past."""
    until = evidence.get("undecided_until")
    if until is None or not found.is_open or float(until) <= found.updated_at.timestamp():
        return None
    return datetime.fromtimestamp(float(until), UTC)


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
        return _cured_word(found)
    return ""


def _members(scope: Scope) -> list[tuple[int, str]]:
    rows = (
        Membership.objects.filter(project_id=scope.project.pk)
        .select_related("user")
        .order_by("user__username")
    )
    return [(row.user_id, row.user.get_username()) for row in rows]
