"""The evidence of a finding as short sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from profiler_server.core import units

Fact = tuple[str, str]
LARGEST_SHARE = 2.0
CLEAR_CORRELATION = 0.5
FACTOR = "log Bayes factor"


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
    return facts + [("Note", str(note)) for note in evidence.get("notes") or ()]


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


def reason_of(alternative: Mapping[str, Any]) -> str:
    """Return why an innocent explanation holds or not, with how clearly."""
    reason, margin = str(alternative["reason"]), alternative.get("margin")
    if margin is None:
        return reason
    factor = f"{FACTOR} {abs(float(margin)):.1f} for {'growth' if float(margin) > 0 else 'this'}"
    return factor if reason == FACTOR else f"{reason}; {factor}"


def _signal(evidence: Mapping[str, Any]) -> list[Fact]:
    signal = evidence.get("signal")
    return [("Signal", str(signal).replace("_", " "))] if signal else []


def _load(evidence: Mapping[str, Any]) -> list[Fact]:
    facts: list[Fact] = []
    load = evidence.get("load")
    if load and load.get("correlation") is not None:
        lag = float(load.get("lag_seconds") or 0)
        text = f"correlation {float(load['correlation']):.2f} with the load"
        facts.append(("Load", f"{text}, {units.format_duration(lag)} behind it" if lag else text))
    if evidence.get("latency_correlation") is not None:
        correlation = float(evidence["latency_correlation"])
        facts.append(("Latency", f"{_latency_word(correlation)} (correlation {correlation:.2f} with memory)"))
    return facts


def _replicas(evidence: Mapping[str, Any]) -> list[Fact]:
    if not evidence.get("replicas"):
        return []
    lives = int(evidence.get("lives") or 1)
    over = f", over {lives} process lives" if lives > 1 else ""
    return [("Replicas", f"{evidence.get('replicas_growing', 0)} of {evidence['replicas']} grow{over}")]


def _sites(evidence: Mapping[str, Any]) -> list[Fact]:
    sites = evidence.get("sites")
    if not sites:
        return []
    share, text = sites.get("explained"), f"{sites['growing']} of {sites['tested']} grow"
    if (
        share is not None and 0 <= share <= LARGEST_SHARE
    ):  # beyond it what grew was not bytes, and no share is one
        text += f" and explain {units.format_share(share)} of the growth"
    return [("Call sites", text)]


def _certainty(evidence: Mapping[str, Any]) -> list[Fact]:
    if not evidence.get("log_threshold"):
        return []
    found, needed = float(evidence["log_evidence"]), float(evidence["log_threshold"])
    if found < needed:  # an open finding needs less to stay than it needed to be raised
        return [
            ("Certainty", f"log evidence {found:.1f} by the newest data; {needed:.1f} was needed to raise it")
        ]
    return [("Certainty", f"log evidence {found:.1f}, where {needed:.1f} is needed")]
