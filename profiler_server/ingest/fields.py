"""Reading single fields of a push: text that a database can keep, numbers in range, times that make sense."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from profiler_server.core.errors import InvalidPoints

MAX_NAME = 200
MAX_RELEASE = 120
MAX_LANGUAGE = 20
MAX_AGENT = 60
MAX_LABELS = 30
MAX_LABEL_NAME = 64
MAX_LABEL_VALUE = 200
MAX_BIGINT = 2**63 - 1
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


def text(value: Any, name: str, *, longest: int, required: bool = False) -> str:
    """Return a cleaned string ("" for null); raises `InvalidPoints` when it cannot be stored as it is."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise InvalidPoints(f"{name} must be a string.")
    stripped: str = value.strip()
    if required and not stripped:
        raise InvalidPoints(f"{name} is missing.")
    if len(stripped) > longest:
        raise InvalidPoints(f"{name} may have at most {longest} characters.")
    if not storable(stripped):
        raise InvalidPoints(f"{name} holds characters that cannot be stored.")
    return stripped


def storable(value: str) -> bool:
    """Return whether PostgreSQL can keep the string: no NUL, no lone surrogate."""
    if "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def number(value: Any, name: str) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidPoints(f"{name} must be a number.")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise InvalidPoints(f"{name} must be a finite number.")
    return result


def count_or_none(value: Any, name: str) -> int | None:
    """Return a whole number ≥ 0 that fits the database, or None; 0 means none."""
    if value is None:
        return None
    result = number(value, name)
    if result < 0 or result > MAX_BIGINT:
        raise InvalidPoints(f"{name} must lie between 0 and 2^63.")
    return int(result) or None


def moment(value: Any, name: str) -> datetime:
    """Return unix seconds (a number, or its decimal text) as an aware time between 2000 and 2200."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise InvalidPoints(f"{name} must be a time in unix seconds.") from None
    seconds = number(value, name)
    if not EARLIEST <= seconds <= LATEST:
        raise InvalidPoints(f"{name} must be a time in unix seconds, not {seconds:g}.")
    return datetime.fromtimestamp(seconds, UTC)


def labels(value: Any) -> dict[str, str]:
    """Return labels as text to text, within their bounds."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidPoints("labels must be an object of strings.")
    if len(value) > MAX_LABELS:
        raise InvalidPoints(f"An instance may have at most {MAX_LABELS} labels.")
    cleaned: dict[str, str] = {}
    for name, content in value.items():
        key = text(name, "A label's name", longest=MAX_LABEL_NAME, required=True)
        plain = (
            content
            if isinstance(content, str)
            else str(content)
            if isinstance(content, (int, float))
            else None
        )
        cleaned[key] = text(plain, f"The label {key}", longest=MAX_LABEL_VALUE)
    return cleaned
