"""Snooze a finding until a time, until another release runs, or until it grows faster than it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from profiler_server.analysis.actions.change_finding import changed_finding, record_event
from profiler_server.analysis.models import EventKind, Finding, FindingStatus
from profiler_server.analysis.wording import rate_text
from profiler_server.core.errors import Conflict

MAX_WORSE_PERCENT = 1000.0


@dataclass(frozen=True, slots=True)
class Snooze:
    """What ends a snooze, whichever comes first; at least one must be given.

    `until` is a time; `until_release` waits for a release other than `current_release`; `worse_percent` is
    how much faster than now it must grow.
    """

    until: datetime | None = None
    until_release: bool = False
    current_release: str = ""
    worse_percent: float | None = None


def snooze_finding(
    project_id: int, finding_id: int, snooze: Snooze, *, actor_id: int, version: int | None = None
) -> Finding:
    """Return the finding, snoozed; nobody is told of it again before the snooze ends."""
    now = timezone.now()
    _check(snooze, now)
    with changed_finding(project_id, finding_id, version=version) as found:
        if not found.is_open:
            raise Conflict("The finding is resolved; there is nothing to snooze.")
        found.status = FindingStatus.SNOOZED
        found.snoozed_until = snooze.until
        found.snoozed_release = (
            (snooze.current_release or found.first_release or "?") if snooze.until_release else ""
        )
        found.snoozed_growth_ceiling = _ceiling(found, snooze.worse_percent)
        record_event(found, EventKind.SNOOZED, at=now, actor_id=actor_id, text=_in_words(found))
    return found


def _check(snooze: Snooze, now: datetime) -> None:
    if snooze.until is None and not snooze.until_release and snooze.worse_percent is None:
        raise Conflict("Say what ends the snooze: a time, the next release, or faster growth.")
    if snooze.until is not None and snooze.until <= now:
        raise Conflict("The snooze must end in the future.")
    if snooze.worse_percent is not None and not 0 < snooze.worse_percent <= MAX_WORSE_PERCENT:
        raise Conflict(f"Growth can be awaited to be worse by 1 to {MAX_WORSE_PERCENT:.0f} %.")


def _ceiling(found: Finding, worse_percent: float | None) -> float | None:
    if worse_percent is None:
        return None
    if found.growth_bytes_per_hour is None:
        raise Conflict("It does not grow, so it cannot grow faster: snooze it until a time or a release.")
    return found.growth_bytes_per_hour * (1 + worse_percent / 100)


def _in_words(found: Finding) -> str:
    ends = []
    if found.snoozed_until is not None:
        ends.append(f"until {found.snoozed_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if found.snoozed_release:
        ends.append("until the next release")
    if found.snoozed_growth_ceiling is not None:
        ends.append(f"until it grows faster than {rate_text(found.snoozed_growth_ceiling, found)}")
    return " or ".join(ends)
