"""Builders for what the detector says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from profiler_server.analysis.actions.record_evaluation import Verdict
from profiler_server.core.leak import Evaluation, LeakState
from profiler_server.core.leak.model import Suspect
from tests.integration.analysis.findings import NOW

DETECTED = NOW - timedelta(minutes=5)


def a_suspect(function: str = "remember_order", **changes: Any) -> Suspect:
    values: dict[str, Any] = {
        "function": function, "file": "orders.py", "line": 42, "path": ("handle",), "below": (),
        "growth_bytes_per_hour": 4e7, "share": 0.9, "flat_bytes": 1e8,
    }  # fmt: skip
    return Suspect(**{**values, **changes})


def an_evaluation(**changes: Any) -> Evaluation:
    """Return a heap leak, detected five minutes ago."""
    values: dict[str, Any] = {
        "verdict": "leak", "diagnosis": "heap_leak", "detected_at": DETECTED.timestamp(),
        "started_at": (NOW - timedelta(hours=2)).timestamp(), "growth_bytes_per_hour": 4e7, "growth_low": 3e7,
        "growth_high": 5e7, "bytes_per_request": 900.0,
        "forecast": tuple((NOW + timedelta(hours=h)).timestamp() for h in (2, 3, 5)), "forecast_at": NOW.timestamp(),
        "version": "2.4.0", "cured_by_version": None, "resolved_at": None, "suspects": (a_suspect(),),
        "evidence": None, "sentence": "It leaks.", "state": LeakState(),
    }  # fmt: skip
    return Evaluation(**{**values, **changes})


def a_verdict(at: datetime = NOW, *, releases: tuple[str, ...] = ("2.4.0",), **changes: Any) -> Verdict:
    return Verdict(an_evaluation(**changes), at, 512 << 20, releases)


def a_cure(at: datetime, version: str | None = "2.4.1") -> Verdict:
    """Return the verdict that the growth has ended at `at`."""
    return a_verdict(
        at, verdict="healthy", diagnosis="none", detected_at=None, resolved_at=at.timestamp(), cured_by_version=version,
        suspects=(), forecast=None, sentence="It is over.",
    )  # fmt: skip
