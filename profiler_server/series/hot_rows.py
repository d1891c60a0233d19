"""Rows of hot points, written with those of other threads in one statement, together with when they were heard of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from profiler_server.catalog.actions.observe_instance import note_release_seen
from profiler_server.catalog.models import Instance
from profiler_server.series.statements import SQL
from profiler_server.storage.combining import Combiner
from profiler_server.storage.sql import together

COLUMNS = (
    "project_id",
    "service_id",
    "instance_id",
    "first_at",
    "hour_at",
    "digest",
    "set_id",
    "points",
    "block",
)


@dataclass(frozen=True, slots=True)
class Push:
    """Rows of one instance, and when it was heard of where that is to be noted."""

    instance: Instance
    rows: Sequence[dict[str, Any]]
    seen_at: datetime | None
    is_release_due: bool


def write_pushes(pushes: Sequence[Push]) -> list[int]:
    """Write all rows in one commit and return for each push how many points were in rows that are new."""
    rows = sorted(
        (row for push in pushes for row in push.rows),
        key=lambda row: (row["instance_id"], row["first_at"], row["digest"]),
    )
    columns: dict[str, object] = {name: [row[name] for row in rows] for name in COLUMNS}
    releases = _releases(pushes)
    with together(1 + len(releases)):
        new = set(SQL.fetch("insert_batches", columns | _seen(pushes), is_prepared=True))
        for (service_id, version), moments in sorted(releases.items()):
            for at in {min(moments), max(moments)}:
                note_release_seen(service_id, version, at)
    return [_count(push, new) for push in pushes]


HOT_WRITER: Combiner[Push, int] = Combiner(write_pushes)


def _count(push: Push, new: set[tuple[Any, ...]]) -> int:
    """Return the points of the push's new rows; of equal pushes the first has them."""
    count = 0
    for row in push.rows:
        key = (row["instance_id"], row["first_at"], row["digest"])
        if key in new:
            new.remove(key)
            count += row["points"]
    return count


def _seen(pushes: Sequence[Push]) -> dict[str, object]:
    spans: dict[int, tuple[datetime, datetime]] = {}
    for push in pushes:
        if push.seen_at is not None:
            low, high = spans.get(push.instance.pk, (push.seen_at, push.seen_at))
            spans[push.instance.pk] = (min(low, push.seen_at), max(high, push.seen_at))
    return {
        "seen_ids": list(spans),
        "seen_lows": [low for low, _ in spans.values()],
        "seen_highs": [high for _, high in spans.values()],
    }


def _releases(pushes: Sequence[Push]) -> dict[tuple[int, str], list[datetime]]:
    found: dict[tuple[int, str], list[datetime]] = {}
    for push in pushes:
        if push.seen_at is not None and push.is_release_due:
            key = (push.instance.service_id, push.instance.release)
            found.setdefault(key, []).append(push.seen_at)
    return found
