"""In which zone times are read and written: UTC, or the zone that the browser named."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from django.http import HttpRequest
from numpy.typing import NDArray

from profiler_server.core.profile import FloatArray

UTC_ZONE = ZoneInfo("UTC")
CHOICE_COOKIE = "zone"
NAME_COOKIE = "zone_name"
KNOWN = frozenset(available_timezones())


def zone_choice(request: HttpRequest) -> str:
    """Return "utc" or "local": what the link asks for (`tz`), else what the reader chose, else local."""
    asked = request.GET.get("tz", "")
    if asked:
        return "utc" if asked.lower() == "utc" else "local"
    return "utc" if request.COOKIES.get(CHOICE_COOKIE) == "utc" else "local"


def zone_of(request: HttpRequest) -> ZoneInfo:
    """Return the zone to show times in; UTC when the browser's is unknown. `?tz=Europe/Berlin` sets it."""
    asked = request.GET.get("tz", "")
    if asked in KNOWN:
        return ZoneInfo(asked)
    if zone_choice(request) == "utc":
        return UTC_ZONE
    name = request.COOKIES.get(NAME_COOKIE, "").replace("%2F", "/")
    return ZoneInfo(name) if name in KNOWN else UTC_ZONE


def wall_clock_ms(ts: FloatArray, zone: ZoneInfo) -> FloatArray:
    """Return unix seconds f64[n] as milliseconds of the zone's wall clock, f64[n]."""
    return (ts + offsets_seconds(ts, zone)) * 1000.0


def wall_clock(ts: FloatArray, zone: ZoneInfo) -> NDArray[np.datetime64]:
    """Return unix seconds f64[n] as the zone's wall clock, datetime64[ms].

    Charts are given these, which travel as text: a bare number would be read as an instant in the browser's own zone.
    """
    return np.round(wall_clock_ms(ts, zone)).astype("datetime64[ms]")


def offsets_seconds(ts: FloatArray, zone: ZoneInfo) -> FloatArray:
    """Return the zone's offset from UTC in seconds, f64[n], at each of the rising times `ts`.

    A zone changes its offset at most twice a year, so only hours are looked up, not every sample.
    """
    if zone.key == "UTC" or not len(ts):
        return np.zeros(len(ts))
    hours, where = np.unique(np.floor(ts / 3600.0), return_inverse=True)
    found = [_offset(hour * 3600.0, zone) for hour in hours]
    return np.asarray(found, dtype=np.float64)[where]


def _offset(at: float, zone: ZoneInfo) -> float:
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return offset.total_seconds() if offset else 0.0
