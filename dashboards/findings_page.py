"""Gathers the list of findings: the most urgent first, those of a state and those that hold some words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from dashboards.scope import Scope
from profiler_server.analysis import queries
from profiler_server.analysis.models import Finding, FindingStatus

UNRESOLVED = "unresolved"
STATES = {"": "All", UNRESOLVED: "Unresolved"} | dict(FindingStatus.choices)
_RANK = {FindingStatus.OPEN: 0, FindingStatus.ACKNOWLEDGED: 1, FindingStatus.SNOOZED: 2}
RESOLVED_RANK = 3


@dataclass(frozen=True)
class StateTab:
    """One state to choose: its name, how many findings are in it, its address, and whether it is chosen."""

    name: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class FindingsPage:
    """The rows that are shown, the states to choose from, and the words that are searched for (`query`)."""

    rows: Sequence[Finding]
    tabs: Sequence[StateTab]
    query: str
    state: str
    total: int


def findings_page(scope: Scope, asked: QueryDict) -> FindingsPage:
    """Return the project's findings of the `state` asked for (unknown ones mean all) that hold the words of `q`.

    What else the address holds (project, time zone) stays in the addresses of the other states.
    """
    state, query = asked.get("state", ""), asked.get("q", "")
    state = state if state in STATES else ""
    known = queries.findings(scope.project.pk)
    words = query.casefold().split()
    found = [row for row in known if all(word in _text(row) for word in words)]
    tabs = [
        StateTab(name, sum(_is_in(row, key) for row in found), _url(asked, key), key == state)
        for key, name in STATES.items()
    ]
    rows = sorted((row for row in found if _is_in(row, state)), key=_urgency)
    return FindingsPage(rows, [tab for tab in tabs if tab.count or tab.is_chosen], query, state, len(known))


def _is_in(row: Finding, state: str) -> bool:
    return row.is_open if state == UNRESOLVED else not state or row.status == state


def _text(row: Finding) -> str:
    return f"{row.service.name} {row.verdict}".casefold()


def _url(asked: QueryDict, state: str) -> str:
    other = asked.copy()
    other["state"] = state
    return "?" + urlencode([(key, value) for key, value in other.items() if value])


def _urgency(row: Finding) -> tuple[int, float, float]:
    """Return open ones before those that somebody looks after; the limit that is met soonest first, then the newest."""
    if not row.is_open:
        ended = row.resolved_at or row.updated_at
        return RESOLVED_RANK, 0.0, -ended.timestamp()
    limit = row.forecast_p50_at.timestamp() if row.forecast_p50_at else float("inf")
    return _RANK[FindingStatus(row.status)], limit, -row.detected_at.timestamp()
