"""The evidence of a finding as short sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiler_server.core import units

Fact = tuple[str, str]
LARGEST_SHARE = 2.0


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
        facts.append(("Latency", f"correlation {float(evidence['latency_correlation']):.2f} with memory"))
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
    return [("Certainty", f"log evidence {found:.1f}, where {needed:.1f} is needed")]
