"""The evidence of a finding as short sentences, those that fit its kind of trouble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from profiler_server.analysis.models import Family
from profiler_server.analysis.wording import (
    GATE_WORDS,
    alternative_name,
    alternative_reason,
    growth_odds_text,
    looked_at_text,
    odds_text,
    signal_name,
)
from profiler_server.core import units

Fact = tuple[str, str]
LARGEST_SHARE = 2.0
CLEAR_CORRELATION = 0.5
SLIGHT_CORRELATION = 0.3


@dataclass(frozen=True)
class AlternativeRow:
    """Another explanation, whether it was rejected, and why."""

    name: str
    rejected: bool
    reason: str


@dataclass(frozen=True)
class Latency:
    """How latency goes with memory, in words, and Pearson's correlation as text."""

    word: str
    correlation: str


def facts_of(evidence: Mapping[str, Any], family: str) -> list[Fact]:
    """Return the evidence as pairs of a name and a sentence, without what is not known."""
    if family == Family.RETENTION:
        return [*in_use(evidence), *_load(evidence, "what is in use"), *_replicas(evidence, grows=False)]
    facts = [
        *_signal(evidence),
        *_load(evidence, "taken out of the growth; it"),
        *_latency(evidence),
        *_replicas(evidence, grows=True),
        *_sites(evidence),
        *_certainty(evidence),
    ]
    notes = [("Note", str(note)) for note in evidence.get("notes") or ()]
    return facts + notes + [("Also looked at", looked_at_text(one)) for one in evidence.get("others") or ()]


def alternatives_of(evidence: Mapping[str, Any], family: str) -> list[AlternativeRow]:
    """Return what else it could be: for a leak the innocent explanations, for retained memory the leaks."""
    if family == Family.RETENTION:
        return _leaks_instead(evidence)
    return [
        AlternativeRow(alternative_name(row), bool(row["rejected"]), alternative_reason(row))
        for row in evidence.get("alternatives") or ()
    ]


def latency_of(evidence: Mapping[str, Any]) -> Latency | None:
    """Return how latency goes with memory where it clearly does, else None."""
    correlation = evidence.get("latency_correlation")
    if correlation is None or float(correlation) < CLEAR_CORRELATION:
        return None
    return Latency(_latency_word(float(correlation)), f"{float(correlation):.2f}")


def floor_range(evidence: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the least and the most of the floor over all processes, None where it was not kept."""
    values = [float(value) for line in evidence.get("floor") or () for value in line.get("value") or ()]
    return (min(values), max(values)) if values else None


def in_use(evidence: Mapping[str, Any]) -> list[Fact]:
    """Return what the program holds, what is resident beyond it, and how much of that is free memory."""
    facts: list[Fact] = []
    parts: Mapping[str, Any] = evidence.get("waterfall") or {}
    used, rss, free = (_known(parts, *names) for names in (("heap", "native"), ("rss",), ("free",)))
    held = floor_range(evidence)
    if held is not None:
        span = f"between {units.format_bytes(held[0])} and {units.format_bytes(held[1])}"
        now = f"{units.format_bytes(used)} now, " if used else ""
        facts.append(("In use by the program", f"{now}{span} all the time"))
    if used and rss and rss > used:
        gap = rss - used
        facts.append(("Resident", f"{units.format_bytes(rss)}, {rss / used:.1f} times what is in use"))
        kept = (
            f"; {units.format_bytes(min(free, gap))} of it is known to be free" if free and free > 0 else ""
        )
        facts.append(("The difference", f"{units.format_bytes(gap)}{kept}"))
    return facts


def _leaks_instead(evidence: Mapping[str, Any]) -> list[AlternativeRow]:
    """Return the leaks that it is not: of what the program has in use, and of every other part that was judged."""
    if evidence.get("log_evidence") is None:
        return []
    odds, needed = float(evidence["log_evidence"]), float(evidence.get("log_threshold") or 0.0)
    margins = [row for row in evidence.get("alternatives") or () if row.get("margin") is not None]
    best: Mapping[str, Any] = min(margins, key=lambda row: float(row["margin"]), default={})
    innocent = alternative_reason(best) if best and float(best["margin"]) < 0 else ""
    said = f"{growth_odds_text(odds).capitalize()}; a leak is called at {odds_text(needed)}."
    held = GATE_WORDS.get(str(evidence.get("held_by") or ""), "") if odds >= needed else ""
    rows = [AlternativeRow("A leak of what is in use", True, " ".join(filter(None, [said, held, innocent])))]
    for other in evidence.get("others") or ():
        name = signal_name(str(other["signal"]))
        rows.append(AlternativeRow(f"A leak of {name}", True, _tail(looked_at_text(other), name)))
    return rows


def _tail(sentence: str, name: str) -> str:
    """Return a sentence about `name` without its name."""
    rest = sentence.removeprefix(name).removeprefix(":").strip()
    return rest[:1].upper() + rest[1:]


def _known(parts: Mapping[str, Any], *names: str) -> float | None:
    return next((float(parts[name]) for name in names if parts.get(name) is not None), None)


def _latency_word(correlation: float) -> str:
    if abs(correlation) < CLEAR_CORRELATION:
        return "does not move with memory"
    return "rises with memory" if correlation > 0 else "falls as memory rises"


def _signal(evidence: Mapping[str, Any]) -> list[Fact]:
    signal = evidence.get("signal")
    return [("What grows", signal_name(str(signal)))] if signal else []


def _load(evidence: Mapping[str, Any], what: str) -> list[Fact]:
    load = evidence.get("load")
    if not load or load.get("correlation") is None:
        return []
    correlation, lag = float(load["correlation"]), float(load.get("lag_seconds") or 0)
    behind = f", {units.format_duration(lag)} behind it" if lag else ""
    return [("Load", f"{what} {_load_words(correlation)} (correlation {_signed(correlation)}){behind}")]


def _latency(evidence: Mapping[str, Any]) -> list[Fact]:
    if evidence.get("latency_correlation") is None:
        return []
    correlation = float(evidence["latency_correlation"])
    return [("Latency", f"{_latency_word(correlation)} (correlation {_signed(correlation)})")]


def _load_words(correlation: float) -> str:
    if abs(correlation) < SLIGHT_CORRELATION:
        return "does not move with the load"
    if correlation < 0:
        return "rises while the load falls"
    return "moves with the load" if correlation >= CLEAR_CORRELATION else "moves a little with the load"


def _signed(correlation: float) -> str:
    return f"{correlation:.2f}".replace("-", units.MINUS)


def _replicas(evidence: Mapping[str, Any], *, grows: bool) -> list[Fact]:
    if not evidence.get("replicas"):
        return []
    lives, replicas = int(evidence.get("lives") or 1), int(evidence["replicas"])
    growing = int(evidence.get("replicas_growing") or 0)
    who = _who_grows(growing, replicas) if grows else f"{replicas} looked at" if replicas > 1 else "one"
    return [("Instances", f"{who}, seen over {lives} process lives" if lives > 1 else who)]


def _who_grows(growing: int, replicas: int) -> str:
    if replicas > 1:
        return f"{growing} of {replicas} grow{'s' if growing == 1 else ''}"
    return "the only one grows" if growing else "the only one"


def _sites(evidence: Mapping[str, Any]) -> list[Fact]:
    sites: Mapping[str, Any] = evidence.get("sites") or {}
    if not sites:
        return []
    share, growing = sites.get("explained"), int(sites["growing"])
    text = f"{growing} of {sites['tested']} grow{'s' if growing == 1 else ''}"
    if growing and share is not None and 0 < share <= LARGEST_SHARE:  # beyond it what grew was not bytes
        explains = "explains" if growing == 1 else "explain"
        text += f" and {explains} {units.format_share(min(share, 1.0))} of the growth"
    elif not growing:
        text += ": the profiled heap does not explain it"
    return [("Call sites", text)]


def _certainty(evidence: Mapping[str, Any]) -> list[Fact]:
    if not evidence.get("log_threshold"):
        return []
    found, needed = float(evidence["log_evidence"]), float(evidence["log_threshold"])
    odds = growth_odds_text(found)
    if found < needed:  # an open finding needs less to stay than it needed to be raised
        return [
            ("Certainty", f"{odds} by the newest data; {odds_text(needed)} was needed to raise the finding")
        ]
    return [("Certainty", f"{odds}; {odds_text(needed)} is needed to raise a finding")]
