"""The evidence of a finding as short sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.finding_words import channel_name, note_of, odds_text
from profiler_server.core import units

Fact = tuple[str, str]
LARGEST_SHARE = 2.0
CLEAR_CORRELATION = 0.5
SLIGHT_CORRELATION = 0.3


@dataclass(frozen=True)
class Latency:
    """How latency goes with memory, in words, and Pearson's correlation as text."""

    word: str
    correlation: str


def facts_of(evidence: Mapping[str, Any]) -> list[Fact]:
    """Return the evidence as pairs of a name and a sentence, without what is not known."""
    facts = [
        *_signal(evidence),
        *_load(evidence),
        *_replicas(evidence),
        *_sites(evidence),
        *_certainty(evidence),
    ]
    return facts + [note_of(str(note)) for note in evidence.get("notes") or ()]


def latency_of(evidence: Mapping[str, Any]) -> Latency | None:
    """Return how latency goes with memory where it clearly does, else None."""
    correlation = evidence.get("latency_correlation")
    if correlation is None or float(correlation) < CLEAR_CORRELATION:
        return None
    return Latency(_latency_word(float(correlation)), f"{float(correlation):.2f}")


def _latency_word(correlation: float) -> str:
    if abs(correlation) < CLEAR_CORRELATION:
        return "does not move with memory"
    return "rises with memory" if correlation > 0 else "falls as memory rises"


def _signal(evidence: Mapping[str, Any]) -> list[Fact]:
    signal = evidence.get("signal")
    return [("What grows", channel_name(str(signal)))] if signal else []


def _load(evidence: Mapping[str, Any]) -> list[Fact]:
    facts: list[Fact] = []
    load = evidence.get("load")
    if load and load.get("correlation") is not None:
        correlation, lag = float(load["correlation"]), float(load.get("lag_seconds") or 0)
        behind = f", {units.format_duration(lag)} behind it" if lag else ""
        facts.append(("Load", f"{_load_words(correlation)} (correlation {_signed(correlation)}){behind}"))
    if evidence.get("latency_correlation") is not None:
        correlation = float(evidence["latency_correlation"])
        facts.append(("Latency", f"{_latency_word(correlation)} (correlation {_signed(correlation)})"))
    return facts


def _load_words(correlation: float) -> str:
    if abs(correlation) < SLIGHT_CORRELATION:
        return "it does not move with the load"
    if correlation < 0:
        return "it rises while the load falls"
    return "it moves with the load" if correlation >= CLEAR_CORRELATION else "it moves a little with the load"


def _signed(correlation: float) -> str:
    return f"{correlation:.2f}".replace("-", units.MINUS)


def _replicas(evidence: Mapping[str, Any]) -> list[Fact]:
    if not evidence.get("replicas"):
        return []
    lives, replicas = int(evidence.get("lives") or 1), int(evidence["replicas"])
    growing = int(evidence.get("replicas_growing") or 0)
    who = (
        f"{growing} of {replicas} grow"
        if replicas > 1
        else "the only one grows"
        if growing
        else "the only one"
    )
    return [("Instances", f"{who}, seen over {lives} process lives" if lives > 1 else who)]


def _sites(evidence: Mapping[str, Any]) -> list[Fact]:
    sites = evidence.get("sites")
    if not sites:
        return []
    share, growing = sites.get("explained"), int(sites["growing"])
    text = f"{growing} of {sites['tested']} grow{'s' if growing == 1 else ''}"
    if growing and share is not None and 0 < share <= LARGEST_SHARE:  # beyond it what grew was not bytes
        text += (
            f" and explain{'s' if growing == 1 else ''} {units.format_share(min(share, 1.0))} of the growth"
        )
    return [("Call sites", text)]


def _certainty(evidence: Mapping[str, Any]) -> list[Fact]:
    if not evidence.get("log_threshold"):
        return []
    found, needed = float(evidence["log_evidence"]), float(evidence["log_threshold"])
    odds = f"odds of lasting growth {odds_text(found)}"
    if found < needed:  # an open finding needs less to stay than it needed to be raised
        return [
            ("Certainty", f"{odds} by the newest data; {odds_text(needed)} was needed to raise the finding")
        ]
    return [("Certainty", f"{odds}; {odds_text(needed)} is needed to raise a finding")]
