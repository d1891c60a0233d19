"""The figures beside a finding's verdict, those that its kind asks for: how fast or how full, where, who holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.finding_memory import FindingMemory
from dashboards.finding_picture import floors_of
from dashboards.finding_suspects import SuspectRow
from profiler_server.analysis.evidence_facts import latency_of
from profiler_server.analysis.models import Family, Finding, HolderReport
from profiler_server.analysis.wording import (
    growth_text,
    per_request_text,
    rate_text,
    signal_name,
    signal_of,
)
from profiler_server.core import units


@dataclass(frozen=True)
class Figure:
    """One figure: its name, what it says, a remark below, whether both are code, and where a click on either leads."""

    name: str
    value: str
    remark: str = ""
    is_code: bool = False
    url: str = ""
    remark_url: str = ""


def headline_figures(
    found: Finding,
    suspects: Sequence[SuspectRow],
    memory: FindingMemory,
    holders: Sequence[HolderReport],
    *,
    unnamed: str,
) -> list[Figure]:
    """Return what stands between "since" and "until" first, then the rest, most telling first.

    `unnamed` says why no call site is accused, where none is.
    """
    if found.family == Family.RETENTION:
        return _retained(found, memory)
    figures = [_growth(found), _where(found, suspects, unnamed)]
    if found.family == Family.RESOURCE:
        figures.insert(1, _count(found))
    figures += [_holder(holders[0])] if holders and holders[0].paths else []
    latency = latency_of(found.evidence or {})
    if latency is not None:
        figures.append(Figure("Latency", latency.word, f"correlation {latency.correlation} with memory"))
    return figures


def _growth(found: Finding) -> Figure:
    low, high = found.growth_low, found.growth_high
    span = "" if low is None or high is None else f"{rate_text(low, found)} to {rate_text(high, found)}"
    remark = " · ".join(part for part in (span, per_request_text(found)) if part)
    return Figure("How fast", growth_text(found), remark)


def _where(found: Finding, suspects: Sequence[SuspectRow], unnamed: str) -> Figure:
    if suspects:
        one = suspects[0]
        place = one.place or "no source line known"
        return Figure("Where", one.function, place, is_code=True, url=one.flame, remark_url=one.source)
    if found.family == Family.RESOURCE:
        return Figure("Where", "no call site", "what piles up is not memory of the heap")
    if found.family == Family.NATIVE:
        return Figure("Where", signal_name(signal_of(found)) or "outside the heap", "no heap profile sees it")
    return Figure("Where", "no call site", unnamed)


def _count(found: Finding) -> Figure:
    """Return how many there are now, in the process that has most, and how many there were at first."""
    floors = floors_of(found.evidence or {})
    end = max((float(one.ts[-1]) for one in floors), default=0.0)
    latest = [one for one in floors if float(one.ts[-1]) >= end - (end - float(one.ts[0])) / 10]
    if not latest:
        return Figure("Now", units.NOTHING)
    most = max(latest, key=lambda one: float(one.value[-1]))
    name = signal_name(signal_of(found))
    remark = f"{name}; {most.value[0]:,.0f} when this process was first seen"
    return Figure("Now", f"{most.value[-1]:,.0f}", remark)


def _holder(report: HolderReport) -> Figure:
    path = report.paths[0]
    share = f"{units.format_share(float(path['share']))} of its objects" if path.get("share") else ""
    return Figure("Held by", str(path["path"]), share, is_code=True, url="#holders-title")


def _retained(found: Finding, memory: FindingMemory) -> list[Figure]:
    figures = [_fullness(found)]
    used = memory.layer("live_heap") or memory.layer("native") or memory.layer("heap")
    if used is not None:
        figures.append(Figure("In use by the program", units.format_bytes(used.now), _of_rss(used.share)))
    free = memory.largest_free()
    if free is not None:
        remark = f"{free.title}, {_of_rss(free.share)}"
        figures.append(Figure("The most of the rest", units.format_bytes(free.now), remark))
    return figures


def _fullness(found: Finding) -> Figure:
    evidence = found.evidence or {}
    share, size = evidence.get("limit_share"), evidence.get("size_bytes")
    if share is None:
        return Figure("How fast", growth_text(found))
    limit = units.format_bytes(found.limit_bytes)
    stands = f"{units.format_bytes(float(size))} of {limit}" if size is not None else f"limit of {limit}"
    was = "" if found.is_open else "when it was last seen full: "
    return Figure("How full", units.format_share(float(share)), f"{was}{stands}")


def _of_rss(share: float | None) -> str:
    return "" if share is None else f"{units.format_share(share)} of RSS"
