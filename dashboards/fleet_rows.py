"""Gathers the fleet page: one row per service, the most urgent first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q

from dashboards.period import LIVE_WITHIN_SECONDS, SILENT_AFTER_SECONDS
from dashboards.sparklines import SECONDS
from profiler_server.analysis import queries as analysis
from profiler_server.analysis.advice import diagnosis_name
from profiler_server.analysis.models import Finding, FindingStatus, ServiceWatch
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.models import Instance, Service

SILENT_AFTER = timedelta(seconds=SILENT_AFTER_SECONDS)
LIVE_WITHIN = timedelta(seconds=LIVE_WITHIN_SECONDS)
SHOWN = timedelta(seconds=SECONDS)
MAX_FILTER = 200
FAR_SECONDS = 400 * 86400.0
NO_LEAK = "No leak"
_PATH = re.compile(r"(?<!\S)(?:[\w.@-]+/)+(?=[\w-]+\.[(\w])")


@dataclass(frozen=True)
class Presence:
    """Who of a service was heard of: live instances, when the last word came, and whether that was in the last day."""

    live: int
    last_seen_at: datetime | None
    is_recent: bool = False


@dataclass(frozen=True)
class FleetRow:
    """One service: `state` is its key for the badge, `word` its name, `detail` the sentence beside it."""

    service: Service
    state: str
    word: str
    detail: str
    presence: Presence
    finding: Finding | None
    limit_in_seconds: float | None
    owner: str

    @property
    def tone(self) -> str:
        """Return the badge's colour."""
        return _TONES[self.state]

    @property
    def text(self) -> str:
        """Return what the filter looks through."""
        parts = (self.service.name, self.owner, self.word, self.state, self.service.language)
        return " ".join(parts).lower()

    @property
    def gist(self) -> str:
        """Return the detail without what the badge says already, functions without their paths."""
        return gist_of(self.detail, self.word)

    @property
    def limit_bytes(self) -> int | None:
        """Return the limit that the memory grows towards, None where none is known."""
        return (self.finding.limit_bytes if self.finding else None) or self.service.memory_limit_bytes

    def matches(self, search: str) -> bool:
        """Return whether every word of `search` is in its text."""
        return all(word in self.text for word in search[:MAX_FILTER].lower().split())


_ORDER = ("open", "acknowledged", "suspected", "silent", "snoozed", "broken", "learning", "healthy")
_COUNTED = {"suspected": "watched closely", "broken": "not examined"}
_TONES = {
    "open": "danger", "acknowledged": "warn", "suspected": "warn", "silent": "warn", "snoozed": "",
    "broken": "warn", "learning": "", "healthy": "ok",
}  # fmt: skip


def fleet_rows(project_id: int, now: datetime, *, search: str = "") -> list[FleetRow]:
    """Return the project's services whose name, owner or state holds `search`, by urgency."""
    watches = analysis.watches(project_id)
    presences = _presences(project_id, now)
    worst: dict[int, Finding] = {}
    for finding in analysis.open_findings(project_id):
        kept = worst.get(finding.service_id)
        if kept is None or _ORDER.index(finding.status) < _ORDER.index(kept.status):
            worst[finding.service_id] = finding
    rows = [
        _row(service, worst.get(service.pk), watches.get(service.pk), presences, now)
        for service in catalog.services(project_id)
    ]
    return sorted((row for row in rows if row.matches(search)), key=_urgency)


@dataclass(frozen=True)
class Tally:
    """How many services there are of one state, in words and in the badge's colour."""

    state: str
    words: str
    tone: str


def tallies(rows: Sequence[FleetRow]) -> list[Tally]:
    """Return how many rows there are of each state, the most urgent first."""
    found = Counter(row.state for row in rows)
    return [
        Tally(state, f"{found[state]} {_COUNTED.get(state, state)}", _TONES[state])
        for state in _ORDER
        if found[state]
    ]


def gist_of(sentence: str, word: str) -> str:
    """Return a verdict without the diagnosis that stands in the badge `word`, and functions without their paths."""
    for said in (word, NO_LEAK):
        if sentence.startswith(said):
            sentence = sentence.removeprefix(said).lstrip(":;, ")
            break
    return _PATH.sub("", sentence[:1].upper() + sentence[1:])


def _row(
    service: Service,
    finding: Finding | None,
    watch: ServiceWatch | None,
    presences: Mapping[int, Presence],
    now: datetime,
) -> FleetRow:
    presence = presences.get(service.pk, Presence(0, None))
    state, word, detail = _state(finding, watch, presence, now)
    limit = None
    if finding is not None and finding.forecast_p50_at is not None:
        limit = (finding.forecast_p50_at - now).total_seconds()
    owner = service.owner_email
    if finding is not None and finding.assignee is not None:
        owner = finding.assignee.get_username()
    return FleetRow(service, state, word, detail, presence, finding, limit, owner)


def _state(
    finding: Finding | None, watch: ServiceWatch | None, presence: Presence, now: datetime
) -> tuple[str, str, str]:
    if finding is not None and finding.status != FindingStatus.SNOOZED:
        return finding.status, diagnosis_name(finding.diagnosis), finding.verdict
    if presence.last_seen_at is None or now - presence.last_seen_at > SILENT_AFTER:
        return "silent", "Silent", "Nothing has been received lately"
    if finding is not None:
        return "snoozed", "Snoozed", finding.verdict
    if watch is not None and watch.error:
        return "broken", "Not examined", watch.error
    if watch is not None and watch.suspected_at is not None:
        return "suspected", "Watching closely", "Growth is suspected, not yet certain"
    if watch is None or watch.verdict in {"", "insufficient_data"}:
        return "learning", "Learning", watch.sentence if watch else "Not examined yet"
    return "healthy", "Healthy", watch.sentence


def _presences(project_id: int, now: datetime) -> dict[int, Presence]:
    live = Count("id", filter=Q(last_seen_at__gte=now - LIVE_WITHIN, ended_at=None))
    rows = (
        Instance.objects.filter(project_id=project_id)
        .values("service_id")
        .annotate(live=live, last=Max("last_seen_at"))
    )
    return {row["service_id"]: Presence(row["live"], row["last"], row["last"] > now - SHOWN) for row in rows}


def _urgency(row: FleetRow) -> tuple[int, float, str]:
    return (
        _ORDER.index(row.state),
        row.limit_in_seconds if row.limit_in_seconds is not None else FAR_SECONDS,
        row.service.name,
    )
