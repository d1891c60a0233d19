"""The suspects of a finding as its page lists them: the place, its share of the growth, and where to look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.links import Range, compare_url, flame_url, source_url
from profiler_server.analysis.models import Finding
from profiler_server.core import units

MAX_SUSPECTS = 10
MAX_MEMBERS = 12


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


def suspects_of(found: Finding, before: Range, after: Range) -> list[SuspectRow]:
    """Return the first suspects, at most `MAX_SUSPECTS`, with links to the two ranges that are compared."""
    return [_suspect(found, suspect, before, after) for suspect in (found.suspects or ())[:MAX_SUSPECTS]]


def why_unnamed(found: Finding, *, has_profiles: bool) -> str:
    """Return why no call site of the heap is accused."""
    sites: Mapping[str, Any] = (found.evidence or {}).get("sites") or {}
    if not has_profiles:
        return "no heap profile of its time is stored: send them, and it is named here"
    if sites.get("tested"):
        return f"none of the {sites['tested']} profiled ones grows with it"
    return "too few profiles lie in its time to accuse one"


def _suspect(found: Finding, suspect: Mapping[str, Any], before: Range, after: Range) -> SuspectRow:
    name, function, share = found.service.name, str(suspect.get("function", "")), suspect.get("share")
    return SuspectRow(
        function=function,
        place=_place(suspect),
        path=[_frame_text(frame) for frame in suspect.get("path", ())],
        below=[_frame_text(frame) for frame in suspect.get("below") or ()],
        members=_members_of(found, suspect, after),
        share=share,
        share_percent=round(100 * min(max(float(share or 0.0), 0.0), 1.0), 1),
        growth=units.format_growth(suspect.get("growth_bytes_per_hour")),
        flat=units.format_bytes(suspect.get("flat_bytes")),
        source=_source(found, suspect),
        flame=flame_url(name, after, search=function),
        compare=compare_url(name, before, after, search=function),
    )


def _members_of(found: Finding, suspect: Mapping[str, Any], after: Range) -> list[MemberRow]:
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
