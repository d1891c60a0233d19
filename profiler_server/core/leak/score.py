"""How good a set of verdicts is against the truth: the figures by which a detector is judged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Any

GRACE_SECONDS = 6 * 3600.0
"""A leak that has ended may still be reported for so long."""
LIFE_MARGIN_SECONDS = 600.0
FORECAST_HORIZON_SECONDS = 30 * 86400.0
MIN_SECONDS = 300.0
Plain = Mapping[str, Any]


@dataclass
class Judged:
    """One verdict held against its label; None where a figure does not apply."""

    name: str
    truth: str
    hit: bool = False
    false_alarm: bool = False
    missed: bool = False
    correct: bool = False
    alerts: int = 0
    diagnosis: bool | None = None
    delay_hours: float | None = None
    delay_of_oracle: float | None = None
    delay_of_limit: float | None = None
    before_limit: bool | None = None
    covered: bool | None = None
    forecast_error: float | None = None
    growth_error: float | None = None
    version: bool | None = None
    first_suspect: bool | None = None
    three_suspects: bool | None = None


@dataclass(frozen=True)
class Score:
    """Figures over a suite; None where nothing applied."""

    traces: int
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarms_per_instance_day: float | None
    abstained_rightly: float | None
    delay_hours: float | None
    delay_of_oracle: float | None
    delay_of_limit: float | None
    before_limit: float | None
    diagnosis: float | None
    forecast_coverage: float | None
    forecast_error: float | None
    growth_error: float | None
    version: float | None
    first_suspect: float | None
    three_suspects: float | None
    wrong: tuple[str, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Return (name, value) pairs for a table."""
        shown = []
        for field in fields(self):
            value = getattr(self, field.name)
            text = "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
            shown.append((field.name, " ".join(value) if isinstance(value, tuple) else text))
        return shown


def judge(label: Plain, verdict: Plain | None) -> Judged:
    """Hold one verdict (a line of a backtest, or None) against its label."""
    said = verdict or {"verdict": "insufficient_data"}
    at = said.get("detected_at")
    flagged = said.get("verdict") == "leak" or at is not None
    when = at if at is not None else label.get("trace_end", math.inf)
    result = Judged(
        label["name"], label["verdict"], alerts=max(len(said.get("alerts") or [0]), 1) if flagged else 0
    )
    if label["verdict"] == "leak":
        ended = label.get("leak_end_ts")
        early = flagged and when < label["leak_start_ts"]
        late = bool(ended) and when > (ended or 0.0) + GRACE_SECONDS
        result.hit = result.correct = flagged and not early and not late
        result.false_alarm, result.missed = early, not result.hit
    else:
        result.false_alarm = flagged
        result.correct = not flagged and said.get("verdict") == label["verdict"]
    if label["verdict"] != "insufficient_data":
        accepted = label.get("diagnosis_accept") or [label.get("diagnosis")]
        result.diagnosis = result.correct and said.get("diagnosis") in accepted
    _judge_names(result, label, said)
    if result.hit:
        _judge_times(result, label, said, when)
    elif label["verdict"] == "leak" and label.get("limit_reached_ts"):
        result.before_limit = False
    return result


def _judge_names(result: Judged, label: Plain, said: Plain) -> None:
    if label.get("version"):
        result.version = result.hit and said.get("version") == label["version"]
    if label.get("guilty"):
        suspects = said.get("suspects") or []
        right = [any(_same_place(s, g) for g in label["guilty"]) for s in suspects[:3]]
        result.first_suspect = result.hit and any(right[:1])
        result.three_suspects = result.hit and any(right)


def _same_place(suspect: Plain, guilty: Plain) -> bool:
    by_line = suspect.get("file") == guilty["file"] and suspect.get("line") == guilty["line"]
    return by_line or (bool(suspect.get("function")) and suspect.get("function") == guilty["function"])


def _judge_times(result: Judged, label: Plain, said: Plain, when: float) -> None:
    start = label["leak_start_ts"]
    result.delay_hours = (when - start) / 3600
    if label.get("oracle_detect_ts"):
        result.delay_of_oracle = (when - start) / max(label["oracle_detect_ts"] - start, MIN_SECONDS)
    limit = label.get("limit_reached_ts")
    if limit:
        result.delay_of_limit = (when - start) / max(limit - start, 1.0)
        result.before_limit = when < limit
    growth, truth = said.get("growth_bytes_per_hour"), label.get("growth_bytes_per_hour")
    if growth and truth and not label.get("resource"):
        truths = (truth, label.get("rss_growth_bytes_per_hour") or truth)
        result.growth_error = min(abs(growth - x) / x for x in truths)
    issued = said.get("eta_at") or when
    hits = [
        life["hit"]
        for life in label.get("lives", ())
        if life["hit"]
        and life["hit"] > issued
        and life["start"] - LIFE_MARGIN_SECONDS <= issued <= life["end"] + LIFE_MARGIN_SECONDS
    ]
    forecast = said.get("eta_ts")
    if hits and forecast and min(hits) - issued <= FORECAST_HORIZON_SECONDS:
        result.covered = forecast[0] <= min(hits) <= forecast[2]
        result.forecast_error = abs(forecast[1] - min(hits)) / max(min(hits) - issued, MIN_SECONDS)


def _mean(values: Iterable[bool | None]) -> float | None:
    known = [float(v) for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(median(known)) if known else None


def score(labels: Mapping[str, Plain], verdicts: Mapping[str, Plain]) -> Score:
    """Return the figures of `verdicts` on the traces of `labels`; labels of other verdicts are not scored."""
    scored = {
        n: label
        for n, label in labels.items()
        if label["verdict"] in ("leak", "healthy", "insufficient_data")
    }
    judged: Sequence[Judged] = [judge(label, verdicts.get(name)) for name, label in sorted(scored.items())]
    hits, alarms = sum(j.hit for j in judged), sum(j.false_alarm for j in judged)
    missed = sum(j.missed for j in judged)
    precision = hits / (hits + alarms) if hits + alarms else None
    recall = hits / (hits + missed) if hits + missed else None
    healthy = [j for j in judged if j.truth == "healthy"]
    days = sum(scored[j.name].get("instance_days", 0.0) for j in healthy)
    return Score(
        traces=len(judged),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision and recall else None,
        false_alarms_per_instance_day=sum(j.alerts for j in healthy) / days if days else None,
        abstained_rightly=_mean(j.correct for j in judged if j.truth == "insufficient_data"),
        delay_hours=_median(j.delay_hours for j in judged),
        delay_of_oracle=_median(j.delay_of_oracle for j in judged),
        delay_of_limit=_median(j.delay_of_limit for j in judged),
        before_limit=_mean(j.before_limit for j in judged),
        diagnosis=_mean(j.diagnosis for j in judged),
        forecast_coverage=_mean(j.covered for j in judged),
        forecast_error=_median(j.forecast_error for j in judged),
        growth_error=_median(j.growth_error for j in judged),
        version=_mean(j.version for j in judged),
        first_suspect=_mean(j.first_suspect for j in judged),
        three_suspects=_mean(j.three_suspects for j in judged),
        wrong=tuple(j.name for j in judged if not j.correct),
    )
