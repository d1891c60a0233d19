"""The range of time that a page looks at, as its address says it: `last=6h`, or `from=` and `to=`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict

from profiler_server.core.errors import InvalidPoints

SECONDS_OF = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
PRESETS = ("15m", "1h", "6h", "24h", "7d", "30d")
DEFAULT_SECONDS = 86400.0
LIVE_WITHIN_SECONDS = 180.0
SILENT_AFTER_SECONDS = 600.0
LONGEST_SECONDS = 400 * 86400.0
SHORTEST_SECONDS = 10.0
MARGIN = 0.02
_LAST = re.compile(r"(\d{1,4})([mhdw])")


@dataclass(frozen=True)
class Period:
    """A range in unix seconds; `last` is the preset it came from ("" for a fixed range)."""

    start: float
    end: float
    last: str = ""

    @property
    def seconds(self) -> float:
        """Return its length."""
        return self.end - self.start

    @property
    def starts_at(self) -> datetime:
        """Return its start as an aware time."""
        return datetime.fromtimestamp(self.start, UTC)

    @property
    def ends_at(self) -> datetime:
        """Return its end as an aware time."""
        return datetime.fromtimestamp(self.end, UTC)

    def query(self) -> str:
        """Return the part of an address that means this range, fixed even if it was a preset."""
        return urlencode({"from": f"{self.start:.0f}", "to": f"{self.end:.0f}"})

    def input_start(self, zone: ZoneInfo) -> str:
        """Return the start as a datetime-local input writes it."""
        return f"{self.starts_at.astimezone(zone):%Y-%m-%dT%H:%M}"

    def input_end(self, zone: ZoneInfo) -> str:
        """Return the end as a datetime-local input writes it."""
        return f"{self.ends_at.astimezone(zone):%Y-%m-%dT%H:%M}"


def period_from(
    params: QueryDict, now: float, zone: ZoneInfo, *, data: tuple[float, float] | None = None
) -> Period:
    """Read the range from an address; without one, the last day, or the whole life of younger `data` (first, last).

    Data that has ended (a recording, a service that is gone or silent) is shown where it ended, not up to the present.
    Raises `InvalidPoints` for times that cannot be read or that are the wrong way round.
    """
    if params.get("from") or params.get("to"):
        return _fixed(params, now, zone)
    last = params.get("last", "")
    if last:
        return Period(now - preset_seconds(last), now, last)
    if data is None:
        return Period(now - DEFAULT_SECONDS, now)
    end = now if now - data[1] < SILENT_AFTER_SECONDS else data[1]
    start = max(end - DEFAULT_SECONDS, data[0])
    margin = max(MARGIN * (end - start), SHORTEST_SECONDS)
    return Period(start - margin, end + (margin if end < now else 0.0))


def preset_seconds(last: str) -> float:
    """Return the seconds of "6h"; raise `InvalidPoints` for anything else."""
    found = _LAST.fullmatch(last)
    if not found:
        raise InvalidPoints("Write the range as last=15m, 6h, 7d or 2w.")
    return min(float(found[1]) * SECONDS_OF[found[2]], LONGEST_SECONDS)


def _fixed(params: QueryDict, now: float, zone: ZoneInfo) -> Period:
    end = moment_of(params.get("to") or f"{now}", zone)
    start = moment_of(params.get("from") or f"{end - DEFAULT_SECONDS}", zone)
    if end <= start:
        raise InvalidPoints("The range ends before it begins; swap its two ends.")
    if end - start > LONGEST_SECONDS:
        raise InvalidPoints("The range is longer than 400 days; choose a shorter one.")
    return Period(start, max(end, start + SHORTEST_SECONDS))


def moment_of(text: str, zone: ZoneInfo) -> float:
    """Return unix seconds from seconds, or from an ISO time (in `zone` when it names none)."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = _iso_seconds(text, zone)
    if not 0 <= seconds < 1e11:
        raise InvalidPoints("Times are unix seconds or ISO 8601.")
    return seconds


def _iso_seconds(text: str, zone: ZoneInfo) -> float:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidPoints("Times are unix seconds or ISO 8601, such as 2026-05-01T12:00.") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).timestamp()
