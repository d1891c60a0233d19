"""How quantities are written for people: bytes in binary units, durations, growth, counts and shares."""

import math

MINUS = "−"
NOTHING = "–"

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_THOUSANDS = ("", "k", "M", "G", "T")
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_LONGEST_DAYS = 3650


def format_bytes(size_bytes: float | None, *, signed: bool = False) -> str:
    """Return 1536 as "1.5 KiB"; three figures, exact below 1 KiB; `signed` puts a plus before growth."""
    return _scaled(size_bytes, 1024.0, _BINARY, signed=signed)


def format_count(count: float | None, *, signed: bool = False) -> str:
    """Return 48211 as "48.2 k"; exact below a thousand."""
    return _scaled(count, 1000.0, _THOUSANDS, signed=signed)


def format_growth(bytes_per_hour: float | None) -> str:
    """Return a rate of growth as "+12.3 MiB/h"."""
    if bytes_per_hour is None or not math.isfinite(bytes_per_hour):
        return NOTHING
    return format_bytes(bytes_per_hour, signed=True) + "/h"


def format_share(share: float | None) -> str:
    """Return a share of 1 as "42 %", with one decimal below ten per cent."""
    if share is None or not math.isfinite(share):
        return NOTHING
    percent = share * 100
    return f"{percent:.0f} %" if abs(percent) >= 10 or percent == 0 else f"{percent:.1f} %"


def format_duration(seconds: float | None) -> str:
    """Return 12000 s as "3 h 20 min": the two largest units that matter."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 0:
        return MINUS + format_duration(-seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE - 0.5:
        return f"{seconds:.0f} s"
    if seconds < _HOUR - _MINUTE / 2:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return _two(seconds, (_HOUR, "h"), (_MINUTE, "min"))
    if seconds > _LONGEST_DAYS * _DAY:
        return "more than 10 years"
    return _two(seconds, (_DAY, "d"), (_HOUR, "h"))


def format_value(value: float | None, unit: str, *, signed: bool = False) -> str:
    """Return a sample value in the way of its unit: "bytes", "nanoseconds", "seconds", or a plain count."""
    if value is None:
        return NOTHING
    if unit == "bytes":
        return format_bytes(value, signed=signed)
    if unit in {"nanoseconds", "seconds"}:
        return format_duration(value / 1e9 if unit == "nanoseconds" else value)
    return format_count(value, signed=signed)


def growth_per_hour(change: float, seconds: float) -> float:
    """Return the change per hour, or NaN for an empty span of time."""
    return change * _HOUR / seconds if seconds > 0 else math.nan


def _scaled(amount: float | None, base: float, names: tuple[str, ...], *, signed: bool) -> str:
    if amount is None or not math.isfinite(amount):
        return NOTHING
    size, step = abs(amount), 0
    while step < len(names) - 1 and round(size, 1) >= base:
        size, step = size / base, step + 1
    sign = MINUS if amount < 0 else "+" if signed and amount > 0 else ""
    digits = 0 if (step == 0 and size == int(size)) or size >= 99.95 else 1
    return f"{sign}{size:.{digits}f} {names[step]}".rstrip()


def _two(seconds: float, major: tuple[float, str], minor: tuple[float, str]) -> str:
    steps = round(seconds / minor[0])
    per = round(major[0] / minor[0])
    whole, rest = divmod(steps, per)
    return f"{whole} {major[1]} {rest} {minor[1]}" if rest else f"{whole} {major[1]}"
