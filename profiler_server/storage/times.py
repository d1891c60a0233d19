"""The grid of time that rooms keep and sum on: windows of ten minutes, hours of six windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

WINDOW = timedelta(minutes=10)
HOUR = timedelta(hours=1)
WINDOW_SECONDS = 600
WINDOWS_PER_HOUR = 6
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def window_of(moment: datetime) -> datetime:
    """Return the start of the window that holds `moment`."""
    return EPOCH + (moment - EPOCH) // WINDOW * WINDOW


def hour_of(moment: datetime) -> datetime:
    """Return the start of the hour that holds `moment`."""
    return EPOCH + (moment - EPOCH) // HOUR * HOUR


def from_unix(seconds: float) -> datetime:
    """Return the moment `seconds` after 1970, exact to a microsecond."""
    return EPOCH + timedelta(microseconds=round(seconds * 1e6))
