"""The one place that puts the detector's names and numbers into words: odds, signals, gates, alternatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from profiler_server.analysis.models import Family, Finding
from profiler_server.core import units

SIGNAL_NAMES = {
    "heap": "live heap", "native": "native allocations", "outside": "memory outside the heap",
    "unmapped": "memory that no counter explains", "rss": "resident memory",
    "free": "memory kept free by the allocator",
    "threads": "threads", "fds": "open files and sockets", "goroutines": "goroutines",
    "rss_bytes": "resident memory", "heap_live_bytes": "live heap",
}  # fmt: skip
RATE_NAMES = {"threads": "threads", "fds": "open files", "goroutines": "goroutines"}
ALTERNATIVE_NAMES = {"load": "Nothing but load", "warm_up": "A warm-up that will level off"}
OLDER_NAMES = {"nothing but load": "load", "a warm-up that will level off": "warm_up"}
"""What alternatives were called when they were stored in words; their numbers are still read."""
GATE_WORDS = {
    "evidence": "The evidence does not suffice yet.",
    "effect": "It grows too little to matter.",
    "late slope": "It no longer climbs as it did.",
    "early slope": "It has climbed only lately.",
    "burst": "It climbs in a burst that has yet to show whether it lasts.",
    "gives back": "What it took it gave back.",
    "first day": "Without a load, a day must pass before a rise can be told from the hours of the day.",
    "run": "Among so many services this much evidence comes about by chance.",
    "refilling": "A young process fills up to where its elders stand.",
    "lately": "It grows only lately: a job may still give it back.",
    "leap": "The evidence came all at once: the next evaluation has to bear it out.",
    "remains": "It is little beside the warm-up that it would go with.",
    "young": "The process is young: caches and sessions may still be filling.",
}
LARGEST_FACTOR = 1e6
EVEN_FACTOR = 1.5
HOUR = 3600.0
RARE = 0.1
"""Fewer things than this for each request are said as one for many requests."""


def signal_name(signal: str) -> str:
    """Return what a signal of the detector (or a column) is called."""
    return SIGNAL_NAMES.get(signal, signal.replace("_", " "))


def is_counted(found: Finding) -> bool:
    """Return whether what grows is a number of things, not bytes."""
    return found.family == Family.RESOURCE


def signal_of(found: Finding) -> str:
    """Return the signal that a finding rests on, "" where it was not kept."""
    return str((found.evidence or {}).get("signal") or "")


def growth_text(found: Finding) -> str:
    """Return how fast a finding grows, with the name of what is counted: "+12.3 MiB/h", "+40 goroutines/h"."""
    if not is_counted(found):
        return units.format_growth(found.growth_bytes_per_hour)
    if found.growth_bytes_per_hour is None:
        return units.NOTHING
    counted = f" {RATE_NAMES[signal_of(found)]}" if signal_of(found) in RATE_NAMES else ""
    return f"{units.format_count(found.growth_bytes_per_hour, signed=True)}{counted}/h"


def rate_text(per_hour: float | None, found: Finding) -> str:
    """Return a rate in the finding's unit, without its name: "+12.3 MiB/h", "+40/h"."""
    if not is_counted(found):
        return units.format_growth(per_hour)
    return units.NOTHING if per_hour is None else f"{units.format_count(per_hour, signed=True)}/h"


def per_request_text(found: Finding) -> str:
    """Return the growth in the terms of requests: "2.1 KiB per request", "1 per 83 requests", "" if not known."""
    each = found.bytes_per_request
    if not each:
        return ""
    if not is_counted(found):
        return f"{units.format_bytes(each)} per request"
    return f"{each:.2g} per request" if each >= RARE else f"1 per {1 / each:,.0f} requests"


def without_forecast(found: Finding) -> str:
    """Return why a finding has no forecast."""
    if is_counted(found):
        return f"how many {signal_name(signal_of(found)) or 'of them'} the system allows is not known"
    if not found.limit_bytes:
        return "no memory limit is known for this service"
    limit = units.format_bytes(found.limit_bytes)
    share = (found.evidence or {}).get("limit_share")
    if found.family == Family.RETENTION and share is not None:
        return f"{units.format_share(float(share))} of {limit} is taken, but what is in use does not grow"
    return f"the limit of {limit} lies beyond the forecast"


def sentence_of(found: Finding) -> str:
    """Return the verdict in one sentence; of a resolved finding how it ended, and what it was."""
    if found.is_open:
        return found.verdict
    if found.resolved_by_id is not None and not found.cured_by_release:
        return f"Resolved by hand. It was: {found.verdict}"
    return f"{ending_of(found)}. It was: {found.verdict}"


def ending_of(found: Finding) -> str:
    """Return how a finding ended, without the time: "checkout no longer grows since release 2.4"."""
    by = f" since release {found.cured_by_release}" if found.cured_by_release else ""
    what = "stands near its limit" if found.family == Family.RETENTION else "grows"
    return f"{found.service.name} no longer {what}{by}"


def factor_text(log_factor: float) -> str:
    """Return exp(`log_factor`) ≥ 1 as "60 times", with two figures, bounded at a million."""
    factor = math.exp(min(log_factor, math.log(LARGEST_FACTOR) + 1.0))
    if factor >= LARGEST_FACTOR:
        return "more than a million times"
    if factor < 10.0:
        return f"{factor:.1f} times"
    return f"{_two_figures(factor):,} times"


def odds_text(log_odds: float) -> str:
    """Return log odds, whatever their sign, as "150 : 1" for the likelier side."""
    odds = math.exp(min(abs(log_odds), math.log(LARGEST_FACTOR) + 1.0))
    shown = "more than a million" if odds >= LARGEST_FACTOR else f"{_two_figures(odds):,}"
    return f"{shown} : 1"


def growth_odds_text(log_odds: float) -> str:
    """Return how likely lasting growth is: "odds of 150 : 1 for lasting growth"."""
    return f"odds of {odds_text(log_odds)} {'for' if log_odds >= 0 else 'against'} lasting growth"


def alternative_name(alternative: Mapping[str, Any]) -> str:
    """Return an innocent explanation's name."""
    name = str(alternative["name"])
    known = ALTERNATIVE_NAMES.get(OLDER_NAMES.get(name, name), "")
    return known or name.replace("_", " ").capitalize()


def alternative_reason(alternative: Mapping[str, Any]) -> str:
    """Return why an innocent explanation holds or not, with how clearly."""
    name, margin = str(alternative["name"]), alternative.get("margin")
    kind = OLDER_NAMES.get(name, name)
    if kind == "load":
        return compared(margin, "load alone")
    if kind != "warm_up":
        reason = str(alternative.get("reason") or "")
        return f"{reason}. {compared(margin, 'this')}" if reason and margin is not None else reason
    settles = alternative.get("settles_hours")
    if settles is None:
        return compared(margin, "a warm-up")
    pace = " at the usual load" if alternative.get("settles_by") == "requests" else ""
    about = units.format_duration(float(settles) * HOUR)
    return f"The warm-up that fits best levels off over about {about}{pace}. {compared(margin, 'it')}".strip()


def compared(margin: float | None, other: str) -> str:
    """Return how steady growth stands against another explanation, by its log Bayes factor."""
    if margin is None:
        return ""
    size = abs(float(margin))
    if size < math.log(EVEN_FACTOR):
        return f"Steady growth and {other} explain the data about equally well."
    better, worse = ("Steady growth", other) if float(margin) > 0 else (other.capitalize(), "steady growth")
    return f"{better} explains the data {factor_text(size)} better than {worse}."


def looked_at_text(other: Mapping[str, Any]) -> str:
    """Return what was seen of another signal: whether it grows, and what speaks against it."""
    odds, held = float(other.get("log_odds") or 0.0), str(other.get("held_by") or "")
    name, said = signal_name(str(other["signal"])), growth_odds_text(odds)
    verb = "grow" if name.endswith("s") else "grows"
    if not held:
        return f"{name} {verb} as well: {said}."
    if odds <= 0:
        return f"{name}: {said}."
    return f"{name}: {said}. {GATE_WORDS.get(held, held)}"


def _two_figures(value: float) -> int:
    step = 10.0 ** max(math.floor(math.log10(value)) - 1, 0)
    return round(round(value / step) * step)
