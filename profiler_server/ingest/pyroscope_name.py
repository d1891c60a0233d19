"""The query of Pyroscope's /ingest: the name with its labels, and times whose number of digits says their unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from profiler_server.core.errors import InvalidPoints
from profiler_server.ingest import fields

MAX_NAME_CHARACTERS = 4000
RESERVED = "__name__"
SESSION = "__session_id__"
SERVICE_LABEL = "service_name"
_APP = re.compile(r"[A-Za-z0-9_.\-/]{1,200}")
_LABEL = re.compile(r"[A-Za-z0-9_.]{1,64}")
_RELATIVE = re.compile(r"now(?:-(\d{1,6})(ms|s|m|h|d))?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SECONDS_PER_UNIT_BY_DIGITS = {13: 1e-3, 16: 1e-6, 19: 1e-9}


@dataclass(frozen=True)
class SeriesName:
    """Who sends: `labels` without the reserved ones, `session` the restart marker that some clients send."""

    service: str
    labels: dict[str, str]
    session: str


def parse_name(name: str) -> SeriesName:
    """Return what `app.name{key=value,key2=value2}` says; values are not quoted.

    Raises `InvalidPoints` when the name cannot be read.
    """
    if not name or len(name) > MAX_NAME_CHARACTERS or not fields.storable(name):
        raise InvalidPoints("name must be given as app{key=value,…}.")
    app, brace, rest = name.partition("{")
    app = app.strip()
    if _APP.fullmatch(app) is None:
        raise InvalidPoints("The app's name may hold letters, digits and _ . - / only.")
    if brace and not rest.rstrip().endswith("}"):
        raise InvalidPoints("The labels of the name must end with }.")
    labels = _labels(rest.rstrip().removesuffix("}")) if brace else {}
    session = labels.pop(SESSION, "")
    service = labels.pop(SERVICE_LABEL, "") or app
    kept = {key: value for key, value in labels.items() if not key.startswith("__")}
    return SeriesName(service[: fields.MAX_NAME], fields.labels(kept), session)


def parse_time(value: str, now: datetime) -> datetime:
    """Return seconds, or with 13, 16, 19 digits milli-, micro-, nanoseconds, or `now-1h`; nothing means now."""
    value = value.strip()
    relative = _RELATIVE.fullmatch(value)
    if not value:
        return now
    if relative:
        amount, unit = relative.groups()
        return now - timedelta(seconds=int(amount) * _UNITS[unit]) if amount else now
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise InvalidPoints("from and until must be unix times or now-<n><unit>.")
    seconds = int(value) * _SECONDS_PER_UNIT_BY_DIGITS.get(len(value), 1.0)
    if not fields.EARLIEST <= seconds <= fields.LATEST:
        raise InvalidPoints("from and until must lie between the years 2000 and 2200.")
    return datetime.fromtimestamp(seconds, UTC)


def _labels(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for pair in text.split(","):
        if not pair.strip():
            continue
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals or _LABEL.fullmatch(key) is None:
            raise InvalidPoints("A label is written key=value; keys hold letters, digits, _ and . only.")
        if key == RESERVED:
            raise InvalidPoints("The label __name__ is reserved.")
        labels[key] = value.strip()
    return labels
