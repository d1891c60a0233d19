"""Prometheus' text format, as much of it as load and latency need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Optional

MAX_SERIES = 50_000
MAX_PATTERN = 200
_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$")
_LABEL = re.compile(r'([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"')
_MATCH = re.compile(r'([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One line: metric name, labels and value."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Selector:
    """``name{label="value",code=~"5.."}`` as in PromQL; regular expressions match as a whole."""

    name: str
    matchers: tuple[tuple[str, str, "re.Pattern[str]"], ...] = ()

    def matches(self, sample: Sample, suffix: str = "") -> bool:
        """True if the sample is of this metric (with ``suffix``) and has the labels."""
        if sample.name != self.name + suffix:
            return False
        return all(
            bool(pattern.fullmatch(sample.labels.get(label, ""))) is (sign[0] == "=")
            for label, sign, pattern in self.matchers
        )


def parse_selector(text: str) -> Selector:
    """Parse a selector; raise ValueError with what is wrong."""
    name, brace, rest = text.strip().partition("{")
    matchers = []
    for label, sign, value in _MATCH.findall(rest):
        if len(value) > MAX_PATTERN:
            raise ValueError(f"{label}: pattern is longer than {MAX_PATTERN} characters")
        try:
            matchers.append(
                (label, sign, re.compile(_unescape(value) if "~" in sign else re.escape(_unescape(value))))
            )
        except re.error as problem:
            raise ValueError(f"{label}: {problem}") from problem
    if not name.strip() or (brace and not matchers and rest.strip(" }")):
        raise ValueError(f'{text!r} is not a metric like http_requests_total{{code="200"}}')
    return Selector(name.strip(), tuple(matchers))


def parse(text: str) -> list[Sample]:
    """The samples of a page, at most MAX_SERIES; comments and lines of another form are left out."""
    samples: list[Sample] = []
    for line in text.splitlines():
        found = None if line.startswith("#") else _SAMPLE.match(line)
        if found is None:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        labels = {key: _unescape(value) for key, value in _LABEL.findall(found[2] or "")}
        samples.append(Sample(found[1], labels, value))
        if len(samples) >= MAX_SERIES:
            break
    return samples


def total(samples: list[Sample], selector: Selector, suffix: str = "") -> Optional[float]:
    """Sum over the matching series, None if there is none."""
    values = [sample.value for sample in samples if selector.matches(sample, suffix)]
    return sum(values) if values else None


def buckets(samples: list[Sample], selector: Selector) -> dict[float, float]:
    """Cumulative counts by upper bound of a histogram, summed over the matching series."""
    found: dict[float, float] = {}
    for sample in samples:
        if selector.matches(sample, "_bucket") and "le" in sample.labels:
            try:
                bound = float(sample.labels["le"])
            except ValueError:
                continue
            found[bound] = found.get(bound, 0.0) + sample.value
    return found


def quantiles(samples: list[Sample], selector: Selector) -> dict[float, float]:
    """Quantiles of a summary: the worst of the matching series for each."""
    found: dict[float, float] = {}
    for sample in samples:
        if selector.matches(sample) and "quantile" in sample.labels and sample.value == sample.value:
            share = float(sample.labels["quantile"])
            found[share] = max(found.get(share, 0.0), sample.value)
    return found


def histogram_quantile(counts: Mapping[float, float], share: float) -> Optional[float]:
    """Quantile of cumulative counts by upper bound, linear within its bucket (as PromQL does)."""
    bounds = sorted(counts)
    if not bounds or counts[bounds[-1]] <= 0:
        return None
    rank = share * counts[bounds[-1]]
    low, below = 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= rank:
            if bound == float("inf"):
                return low
            inside = counts[bound] - below
            return low + (bound - low) * ((rank - below) / inside if inside > 0 else 1.0)
        low, below = bound, counts[bound]
    return low


def _unescape(text: str) -> str:
    return text.replace(r"\"", '"').replace(r"\n", "\n").replace(r"\\", "\\")
