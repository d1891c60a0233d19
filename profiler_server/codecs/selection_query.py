"""What a query string asks for: a range of time, which instances, which release, one sample type, how fine.

Shared by the JSON API and the pages, so that a page's address and the API's mean the same. Times are
unix seconds, ISO 8601, ``now`` or ``now-90m`` (s, m, h, d, w); an empty one is the default.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from profiler_server.core.errors import LimitExceeded, UnsupportedFormat
from profiler_server.core.grouping import Granularity

DEFAULT_RANGE = timedelta(hours=1)
LONGEST_RANGE = timedelta(days=400)
MAX_INSTANCES = 500
MAX_LABELS = 20
LABEL_PREFIX = "label."
DEFAULT_SAMPLE_TYPE = "inuse_space"

_RELATIVE = re.compile(r"now(?:-(\d{1,9})([smhdw]))?")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LATEST_UNIX_SECONDS = 32_503_680_000.0  # the year 3000


class Parameters(Protocol):
    """A query string as Django gives it."""

    def get(self, key: str, /) -> str | None:
        """Return the last value of `key`."""

    def getlist(self, key: str, /) -> list[str]:
        """Return every value of `key`."""

    def __iter__(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One side of a question: everything but the project and the service."""

    start: datetime
    end: datetime
    sample_type: str
    instance_ids: tuple[int, ...] | None
    release: str | None
    labels: tuple[tuple[str, str], ...]
    snapshot_id: str | None
    granularity: Granularity


def parse_selection(query: Parameters, *, now: datetime, prefix: str = "") -> Asked:
    """Read one side of a question; `prefix` is ``base_`` for a comparison's baseline.

    Raises `UnsupportedFormat` for a word that means nothing and `LimitExceeded` for a range or a list too long.
    """
    start, end = parse_range(query, now=now, prefix=prefix)
    return Asked(
        start=start,
        end=end,
        sample_type=query.get("type") or DEFAULT_SAMPLE_TYPE,
        instance_ids=_instances(query.getlist(f"{prefix}instance")),
        release=query.get(f"{prefix}release") or None,
        labels=_labels(query, prefix),
        snapshot_id=query.get(f"{prefix}snapshot") or None,
        granularity=parse_granularity(query.get("granularity") or ""),
    )


def parse_range(query: Parameters, *, now: datetime, prefix: str = "") -> tuple[datetime, datetime]:
    """Return (start, end) of the range; without any the last hour."""
    end = parse_time(query.get(f"{prefix}to") or "now", now)
    begin = query.get(f"{prefix}from")
    start = parse_time(begin, now) if begin else end - DEFAULT_RANGE
    if start >= end:
        raise UnsupportedFormat("The range ends before it begins; exchange from and to.")
    if end - start > LONGEST_RANGE:
        raise LimitExceeded(f"The range is longer than {LONGEST_RANGE.days} days; choose a shorter one.")
    return start, end


def parse_time(text: str, now: datetime) -> datetime:
    """Return the moment that `text` names."""
    relative = _RELATIVE.fullmatch(text)
    try:
        if relative:
            amount, unit = relative.groups()
            return now - timedelta(seconds=int(amount) * _UNIT_SECONDS[unit]) if amount else now
        return _from_number(text) or _from_iso(text)
    except (ValueError, OverflowError) as error:
        raise UnsupportedFormat(
            f"{text[:40]!r} is not a time; give unix seconds, ISO 8601, or something like now-1h."
        ) from error


def _from_number(text: str) -> datetime | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    if not math.isfinite(seconds) or not 0 <= seconds <= _LATEST_UNIX_SECONDS:
        raise ValueError(text)
    return datetime.fromtimestamp(seconds, UTC)


def _from_iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _instances(values: list[str]) -> tuple[int, ...] | None:
    words = [word for value in values for word in value.split(",") if word]
    if len(words) > MAX_INSTANCES:
        raise LimitExceeded(f"A question may name at most {MAX_INSTANCES} instances.")
    try:
        return tuple(int(word) for word in words) or None
    except ValueError as error:
        raise UnsupportedFormat("An instance is named by its number.") from error


def _labels(query: Parameters, prefix: str) -> tuple[tuple[str, str], ...]:
    head = prefix + LABEL_PREFIX
    keys = [key for key in query if key.startswith(head)]  # type: ignore[attr-defined]
    if len(keys) > MAX_LABELS:
        raise LimitExceeded(f"A question may name at most {MAX_LABELS} labels.")
    return tuple((key.removeprefix(head), query.get(key) or "") for key in sorted(keys))


def parse_granularity(word: str) -> Granularity:
    """Return the granularity called `word`; functions for an empty one."""
    try:
        return Granularity(word or Granularity.FUNCTION.value)
    except ValueError as error:
        known = ", ".join(each.value for each in Granularity)
        raise UnsupportedFormat(f"Granularity {word[:20]!r} is not known; choose one of {known}.") from error
