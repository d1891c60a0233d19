"""Turn what the detector said into the life of a finding: open, update, reopen, wake, resolve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from profiler_server.analysis.actions.change_finding import end_snooze, record_event
from profiler_server.analysis.models import FAMILY_OF_DIAGNOSIS, EventKind, Family, Finding, FindingStatus
from profiler_server.analysis.plain import finite, plain
from profiler_server.catalog.models import Service
from profiler_server.core.leak import Evaluation

REGRESSION_WITHIN = timedelta(days=90)
COMPARED_SUSPECTS = 3
LONGEST_RELEASE = 120


@dataclass(frozen=True)
class Verdict:
    """What the detector said of a service at `at` (the newest data), and what surrounds it."""

    evaluation: Evaluation
    at: datetime
    limit_bytes: int | None
    running_releases: tuple[str, ...]


def record_evaluation(service: Service, verdict: Verdict) -> Finding | None:
    """Write what follows from a verdict and return the finding that it concerns, if any.

    Call it in the transaction that stores the detector's state, with the service's watch locked: then a doubled or
    crashed evaluation opens nothing twice.
    """
    open_findings = list(
        Finding.objects.select_for_update().filter(service=service).exclude(status=FindingStatus.RESOLVED)
    )
    if verdict.evaluation.resolved_at is not None:
        return _resolve(open_findings, verdict)
    if verdict.evaluation.verdict != "leak" or verdict.evaluation.detected_at is None:
        return None
    found = _same_trouble(open_findings, verdict)
    if found is not None:
        return _update(found, verdict)
    earlier = _regressed(service, verdict)
    return _reopen(earlier, verdict) if earlier is not None else _open(service, verdict)


def family_of(diagnosis: str) -> Family:
    """Return the family of a diagnosis; one that is not known counts as the heap's."""
    return FAMILY_OF_DIAGNOSIS.get(diagnosis, Family.HEAP)


def _open(service: Service, verdict: Verdict) -> Finding:
    found = Finding(project_id=service.project_id, service=service, detected_at=_detected_at(verdict))
    _fill(found, verdict)
    found.save()
    record_event(found, EventKind.OPENED, at=verdict.at, text=found.verdict)
    return found


def _same_trouble(open_findings: Sequence[Finding], verdict: Verdict) -> Finding | None:
    """Return the open finding of the same family, or the one that this very detection has opened under another."""
    family = family_of(verdict.evaluation.diagnosis)
    for found in open_findings:
        if found.family == family:
            return found
    detected_at = _detected_at(verdict)
    return next(
        (found for found in open_findings if (found.reopened_at or found.detected_at) == detected_at), None
    )


def _update(found: Finding, verdict: Verdict) -> Finding:
    before = found.diagnosis
    if _is_outweighed(verdict.evaluation, found.evidence or {}):
        _forecast(found, verdict)
    else:
        _fill(found, verdict)
    found.version += 1
    reason = _reason_to_wake(found, verdict)
    if reason:
        wake(found, at=verdict.at, reason=reason)
    found.save()
    if before != found.diagnosis:
        record_event(found, EventKind.CHANGED, at=verdict.at, text=f"from {before} to {found.diagnosis}")
    return found


def _is_outweighed(said: Evaluation, stored: Mapping[str, Any]) -> bool:
    """Return whether this evaluation would raise no finding by itself and knows less than the `stored` evidence.

    One that follows a finding through a lull, a restart or a cure may be such: what the finding says stays as it was
    when the evidence sufficed, and only its forecast is renewed.
    """
    evidence = said.evidence
    if evidence is None or evidence.log_evidence >= evidence.log_threshold:
        return False
    return evidence.log_evidence < float(stored.get("log_evidence", -math.inf))


def _regressed(service: Service, verdict: Verdict) -> Finding | None:
    """Return the resolved finding that this verdict brings back: same family, not long ago, a suspect in common."""
    resolved = Finding.objects.select_for_update().filter(
        service=service,
        family=family_of(verdict.evaluation.diagnosis),
        status=FindingStatus.RESOLVED,
        resolved_at__gt=verdict.at - REGRESSION_WITHIN,
    )
    newest = resolved.order_by("-resolved_at").first()
    if newest is None:
        return None
    before = {entry.get("function") for entry in (newest.suspects or [])[:COMPARED_SUSPECTS]}
    after = {suspect.function for suspect in verdict.evaluation.suspects[:COMPARED_SUSPECTS]}
    return newest if not before or not after or before & after else None


def _reopen(found: Finding, verdict: Verdict) -> Finding:
    found.status = FindingStatus.OPEN
    found.resolved_at = None
    found.resolved_by = None
    found.cured_by_release = ""
    found.reopened_at = _detected_at(verdict)
    found.episode += 1
    found.version += 1
    _fill(found, verdict)
    found.save()
    record_event(found, EventKind.REOPENED, at=verdict.at, text=found.verdict)
    return found


def _resolve(open_findings: Sequence[Finding], verdict: Verdict) -> Finding | None:
    """Resolve what was open before the growth ended; a repeated verdict does nothing to what was reopened since."""
    resolved_at = datetime.fromtimestamp(verdict.evaluation.resolved_at or 0.0, UTC)
    last = None
    for found in open_findings:
        if (found.reopened_at or found.detected_at) >= resolved_at:
            continue
        found.status = FindingStatus.RESOLVED
        found.resolved_at = resolved_at
        found.cured_by_release = (verdict.evaluation.cured_by_version or "")[:LONGEST_RELEASE]
        found.updated_at = verdict.at
        found.version += 1
        end_snooze(found)
        found.save()
        cure = f"by release {found.cured_by_release}" if found.cured_by_release else "the growth has ended"
        record_event(found, EventKind.RESOLVED, at=verdict.at, text=cure)
        last = found
    return last


def wake(found: Finding, *, at: datetime, reason: str) -> None:
    """End a snooze: the finding is open again and people are told anew; the caller saves it."""
    found.status = FindingStatus.OPEN
    found.episode += 1
    end_snooze(found)
    record_event(found, EventKind.AWOKE, at=at, text=reason)


def _reason_to_wake(found: Finding, verdict: Verdict) -> str:
    """Return why a snoozed finding must wake now, or ""."""
    if found.status != FindingStatus.SNOOZED:
        return ""
    if found.snoozed_until is not None and found.snoozed_until <= timezone.now():
        return "the time is over"
    others = [release for release in verdict.running_releases if release != found.snoozed_release]
    if found.snoozed_release and others:
        return f"release {others[-1]} runs and it still grows"
    ceiling, growth = found.snoozed_growth_ceiling, found.growth_bytes_per_hour
    if ceiling is not None and growth is not None and growth > ceiling:
        return "it grows faster than it did"
    return ""


def _fill(found: Finding, verdict: Verdict) -> None:
    """Copy the verdict into the finding's columns."""
    said = verdict.evaluation
    found.diagnosis = said.diagnosis
    found.family = family_of(said.diagnosis)
    found.started_at = min(
        _moment(said.started_at) or _first_look(said) or found.detected_at, found.detected_at
    )
    found.growth_bytes_per_hour = finite(said.growth_bytes_per_hour)
    found.growth_low = finite(said.growth_low)
    found.growth_high = finite(said.growth_high)
    found.bytes_per_request = finite(said.bytes_per_request)
    _forecast(found, verdict)
    found.first_release = (said.version or found.first_release or "")[:LONGEST_RELEASE]
    suspects: list[dict[str, Any]] = said.to_json()["suspects"]
    if suspects or not found.suspects:
        found.suspects = plain(suspects)
    found.evidence = plain(said.evidence_json() or {})
    found.verdict = said.sentence.replace("\x00", "")


def _forecast(found: Finding, verdict: Verdict) -> None:
    """Copy the verdict's forecast, and the limit that it is about, into the finding's columns."""
    said = verdict.evaluation
    found.updated_at = verdict.at
    found.limit_bytes = verdict.limit_bytes
    found.forecast_made_at = _moment(said.forecast_at)
    p10, p50, p90 = said.forecast or (None, None, None)
    found.forecast_p10_at, found.forecast_p50_at, found.forecast_p90_at = (
        _moment(p10),
        _moment(p50),
        _moment(p90),
    )


def _first_look(said: Evaluation) -> datetime | None:
    """Return where the floor that was tested begins: the growth is at least that old when its start is not known."""
    lines = said.evidence.floor if said.evidence is not None else ()
    return _moment(min((line.ts[0] for line in lines if line.ts), default=None))


def _detected_at(verdict: Verdict) -> datetime:
    return _moment(verdict.evaluation.detected_at) or verdict.at


def _moment(ts: float | None) -> datetime | None:
    """Return unix seconds as a time, None for what lies beyond the calendar (a forecast in ten thousand years)."""
    ts = finite(ts)
    if ts is None:
        return None
    try:
        return datetime.fromtimestamp(ts, UTC)
    except (OverflowError, ValueError, OSError):
        return None
