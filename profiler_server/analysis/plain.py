"""Values as JSON columns keep them: PostgreSQL's jsonb knows no NaN, no infinity and no NUL."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """Return `value` with unstorable numbers as None, tuples as lists and NUL characters left out."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, str):
        return value.replace("\x00", "")
    if hasattr(value, "item"):
        return plain(value.item())
    return value


def finite(value: float | None) -> float | None:
    """Return a number that a column can keep, or None."""
    return None if value is None or not math.isfinite(value) else float(value)
