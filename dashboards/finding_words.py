"""The detector's terms as people say them: odds and factors instead of logarithms, names instead of channels."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from profiler_server.core import units

CHANNEL_NAMES = {
    "heap": "live heap", "native": "native allocations", "outside": "memory outside the heap",
    "unmapped": "memory outside the heap", "rss": "resident memory", "free": "memory kept free by the allocator",
    "threads": "threads", "fds": "open files and sockets", "goroutines": "goroutines",
}  # fmt: skip
LARGEST_FACTOR = 1e6
EVEN_FACTOR = 1.5
HOUR = 3600.0
_FACTOR = "log Bayes factor"
_WARM_UP = re.compile(r"best time constant ([\d.e+-]+) h of (\w+)")
_LOOKED_AT = re.compile(r"(\w+): log odds (-?[\d.]+)(?: \((.*)\))?")
_PACE = {"hours": "", "requests": " at the usual load"}


def channel_name(channel: str) -> str:
    """Return what a signal of the detector is called on a page."""
    return CHANNEL_NAMES.get(channel, channel.replace("_", " "))


def factor_text(log_factor: float) -> str:
    """Return exp(`log_factor`) ≥ 1 as "60 times", with two figures, bounded at a million."""
    factor = math.exp(min(log_factor, math.log(LARGEST_FACTOR) + 1.0))
    if factor >= LARGEST_FACTOR:
        return "more than a million times"
    if factor < 10.0:
        return f"{factor:.1f} times"
    return f"{_two_figures(factor):,} times"


def odds_text(log_odds: float) -> str:
    """Return log odds of lasting growth as "150 : 1", or as "1 : 7" where they are against it."""
    odds = math.exp(min(abs(log_odds), math.log(LARGEST_FACTOR) + 1.0))
    shown = "more than a million" if odds >= LARGEST_FACTOR else f"{_two_figures(odds):,}"
    return f"{shown} : 1" if log_odds >= 0 else f"1 : {shown}"


def reason_of(alternative: Mapping[str, Any]) -> str:
    """Return why an innocent explanation holds or not, with how clearly."""
    reason, margin = str(alternative["reason"]), alternative.get("margin")
    found = _WARM_UP.fullmatch(reason)
    if found:
        settles = f"{units.format_duration(float(found[1]) * HOUR)}{_PACE.get(found[2], f' of {found[2]}')}"
        return (
            f"The warm-up that fits best levels off over about {settles}. {_compared(margin, 'it')}".strip()
        )
    if reason == _FACTOR:
        return _compared(margin, "load alone")
    return f"{reason}. {_compared(margin, 'this')}" if margin is not None else reason


def note_of(note: str) -> tuple[str, str]:
    """Return a note of the detector as a name and a sentence."""
    found = _LOOKED_AT.fullmatch(note)
    if not found:
        return "Note", note
    odds = f"{channel_name(found[1])}: odds of lasting growth {odds_text(float(found[2]))}"
    return "Also looked at", f"{odds}. {found[3]}" if found[3] else f"{odds}."


def _compared(margin: float | None, other: str) -> str:
    if margin is None:
        return ""
    size = abs(float(margin))
    if size < math.log(EVEN_FACTOR):
        return f"Steady growth and {other} explain the data about equally well."
    better, worse = ("Steady growth", other) if float(margin) > 0 else (other.capitalize(), "steady growth")
    return f"{better} explains the data {factor_text(size)} better than {worse}."


def _two_figures(value: float) -> int:
    step = 10.0 ** max(math.floor(math.log10(value)) - 1, 0)
    return round(round(value / step) * step)
