"""A finding in words: the subject, the lines and the links of its mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from profiler_server.alerts.models import NotificationKind
from profiler_server.analysis import evidence_facts, wording
from profiler_server.analysis.advice import diagnosis_name, next_steps
from profiler_server.analysis.models import Family, Finding
from profiler_server.analysis.queries import baseline_and_current
from profiler_server.core.units import (
    format_bytes,
    format_count,
    format_duration,
    format_growth,
    format_share,
)

MAX_SUSPECTS = 5
MAX_PATH_FRAMES = 4
MAX_SUBJECT = 180
SHORT_RELEASE = 40

_OPENING = {
    NotificationKind.OPENED.value: "",
    NotificationKind.REOPENED.value: "Again: ",
    NotificationKind.AWOKE.value: "Still: ",
}


@dataclass(frozen=True, slots=True)
class SuspectLine:
    """One suspect as a line of text: where, how much of the growth, reached through what."""

    function: str
    place: str
    share: str
    growth: str
    path: str
    members: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what is to be said of it."""

    name: str
    value: str


def subject_of(found: Finding, kind: str, *, now: datetime) -> str:
    """Return the subject: the service, its growth, and the time that is left."""
    name = found.service.name
    if kind == NotificationKind.RESOLVED.value:
        cure = f", cured by {found.cured_by_release[:SHORT_RELEASE]}" if found.cured_by_release else ""
        return _one_line(f"[Plimsoll] {name}: resolved{cure}")
    left = time_left(found, now)
    until = f", limit in {left}" if left else ""
    return _one_line(f"[Plimsoll] {_OPENING.get(kind, '')}{name} {_trouble(found)}{until}")


def headline(found: Finding, kind: str) -> str:
    """Return the first sentence of the mail: the verdict, or that it is over."""
    if kind != NotificationKind.RESOLVED.value:
        return found.verdict
    end = f" ({moment(found.resolved_at)})" if found.resolved_at else ""
    return f"{wording.ending_of(found)}{end}. It was: {found.verdict}"


def counts_bytes(found: Finding) -> bool:
    """Return whether what grows is measured in bytes."""
    return not wording.is_counted(found)


def signal_of(found: Finding) -> str:
    """Return the signal that the finding was made from."""
    return wording.signal_of(found) or "rss_bytes"


def time_left(found: Finding, now: datetime) -> str:
    """Return how long until the limit in the middle case, "" without a forecast, "minutes" when it is due."""
    if found.forecast_p50_at is None:
        return ""
    seconds = (found.forecast_p50_at - now).total_seconds()
    return format_duration(seconds) if seconds > 60 else "minutes"


def facts_of(found: Finding, *, now: datetime) -> list[Fact]:
    """Return what is known, each with its name, most important first; what is not known is left out."""
    facts = [Fact("Diagnosis", diagnosis_name(found.diagnosis))]
    if found.growth_bytes_per_hour is not None:
        facts.append(Fact("Growth", _growth_with_interval(found)))
    if found.bytes_per_request:
        facts.append(Fact("Against load", wording.per_request_text(found)))
    if found.forecast_p50_at is not None:
        facts.append(Fact("Reaches its limit", _forecast(found, now)))
    elif found.limit_bytes and counts_bytes(found):
        facts.append(Fact("Limit", wording.without_forecast(found)))
    is_retained = found.family == Family.RETENTION
    facts.append(Fact("Near its limit since" if is_retained else "Growing since", moment(found.started_at)))
    if is_retained:
        facts += [Fact(*fact) for fact in evidence_facts.in_use(found.evidence or {})]
    if found.first_release:
        facts.append(Fact("First in release", found.first_release))
    if found.cured_by_release:
        facts.append(Fact("Cured by release", found.cured_by_release))
    correlation = (found.evidence or {}).get("latency_correlation")
    if not is_retained and isinstance(correlation, (int, float)) and abs(correlation) >= 0.5:
        facts.append(Fact("Latency", f"moves with memory (correlation {correlation:.2f})"))
    return facts


def suspects_of(found: Finding) -> list[SuspectLine]:
    """Return the first suspects, at most `MAX_SUSPECTS`."""
    return [_suspect(entry) for entry in (found.suspects or [])[:MAX_SUSPECTS]]


def steps_of(found: Finding) -> tuple[str, ...]:
    """Return what to do next."""
    return next_steps(
        found.diagnosis,
        language=found.service.language,
        signal=wording.signal_of(found),
        is_named=bool(found.suspects),
    )


def finding_url(found: Finding, base_url: str) -> str:
    """Return the address of the finding's page, with its project: its reader may have looked at another one last."""
    return f"{base_url.rstrip('/')}/findings/{found.pk}/?{urlencode({'project': found.project.slug})}"


def comparison_url(found: Finding, base_url: str) -> str:
    """Return the address of the comparison: the newest data against the time just after the growth began."""
    (base_start, base_end), (start, end) = baseline_and_current(found)
    query = {
        "project": found.project.slug,
        "from": _unix(start),
        "to": _unix(end),
        "base_from": _unix(base_start),
        "base_to": _unix(base_end),
        "type": "inuse_space",
    }
    if found.suspects:
        query["search"] = str(found.suspects[0].get("function", ""))
    return f"{base_url.rstrip('/')}/services/{quote(found.service.name, safe='')}/compare/?{urlencode(query)}"


def moment(at: datetime) -> str:
    """Return a time as people read it, in UTC."""
    return at.astimezone(UTC).strftime("%a %d %b %Y %H:%M UTC")


def _suspect(entry: dict[str, Any]) -> SuspectLine:
    path = [str(frame) for frame in entry.get("path", [])][:MAX_PATH_FRAMES]
    line = f":{entry['line']}" if entry.get("line") else ""
    return SuspectLine(
        function=str(entry.get("function", "?")),
        place=f"{entry.get('file') or '?'}{line}",
        share=format_share(entry.get("share")),
        growth=format_growth(entry.get("growth_bytes_per_hour")),
        path=" ← ".join(path),
        members=", ".join(_member(member) for member in entry.get("members", [])),
    )


def _member(member: dict[str, Any]) -> str:
    name = str(member.get("function", "?")).rpartition("/")[2]
    return f"{name} {format_share(member.get('share'))}"


def _trouble(found: Finding) -> str:
    """Return what the service does, as the rest of a sentence that begins with its name."""
    share = (found.evidence or {}).get("limit_share")
    if found.growth_bytes_per_hour is None and isinstance(share, (int, float)):
        return f"stands at {format_share(share)} of its limit (no leak)"
    verb = "holds on to" if found.family == Family.RETENTION else "leaks"
    return f"{verb} {wording.growth_text(found)}"


def _growth_with_interval(found: Finding) -> str:
    growth = wording.growth_text(found)
    if found.growth_low is None or found.growth_high is None:
        return growth
    low, high = found.growth_low, found.growth_high
    write = format_bytes if counts_bytes(found) else format_count
    return f"{growth} (between {write(low)} and {write(high)})"


def _forecast(found: Finding, now: datetime) -> str:
    """Return when the limit is reached: the middle case, and between which times it is with 80 % probability."""
    early, middle, late = found.forecast_p10_at, found.forecast_p50_at, found.forecast_p90_at
    if middle is None:
        return ""
    limit = f"{format_bytes(found.limit_bytes)} " if found.limit_bytes else ""
    said = f"{limit}on {moment(middle)} (in {time_left(found, now)})"
    if early is None or late is None:
        return said
    is_one_day = early.astimezone(UTC).date() == late.astimezone(UTC).date() == middle.astimezone(UTC).date()
    if is_one_day:
        return f"{said}; 80 % between {_clock(early)} and {_clock(late)} UTC"
    return f"{said}; 80 % between {moment(early)} and {moment(late)}"


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M")


def _unix(at: datetime) -> str:
    return f"{at.timestamp():.0f}"


def _one_line(words: str) -> str:
    return " ".join(words.split())[:MAX_SUBJECT]
