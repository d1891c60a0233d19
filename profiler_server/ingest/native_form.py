"""The native dialect's forms: JSON and query parameters into typed values (agents/wire/README.md)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.conf import settings

from profiler_server.analysis.actions.store_holder_report import HolderAnswer, HolderPath
from profiler_server.catalog.actions.observe_instance import InstanceIdentity
from profiler_server.catalog.actions.store_markers import PushedMarker
from profiler_server.catalog.models import MarkerKind
from profiler_server.core.errors import InvalidPoints, LimitExceeded
from profiler_server.core.points import PointBatch, point_batch
from profiler_server.core.profile import Frame
from profiler_server.ingest import fields

MAX_MARKERS = 100
MAX_REMEMBERED_IDENTITIES = 20_000
MAX_REMEMBERED_FORM = 1_000  # characters
MAX_MARKER_TEXT = 500
MAX_FUTURE_SECONDS = 600.0
MAX_HOLDER_PATHS = 50
MAX_SITE_FRAMES = 128
MAX_PATH_TEXT = 2000
MAX_FRAME_TEXT = 1000
SECONDS_PER_DAY = 86_400.0
LABEL_PREFIX = "label."
HOLDER_METHODS = ("snapshot", "census")
_identities: dict[str, InstanceIdentity] = {}


@dataclass(frozen=True)
class PushedPoints:
    """A whole body of /v1/points; `dropped` points lay in the future or beyond the retention."""

    identity: InstanceIdentity
    batch: PointBatch
    markers: tuple[PushedMarker, ...]
    dropped: int


def identity_of(form: Any) -> InstanceIdentity:
    """Return who sends, from the "instance" object; an agent sends the same one with every push."""
    if not isinstance(form, Mapping):
        raise InvalidPoints("instance must be an object with service, key and started_at.")
    stated = repr(form)
    known = _identities.get(stated)
    if known is None:
        known = _read_identity(form)
        if len(_identities) >= MAX_REMEMBERED_IDENTITIES:
            _identities.clear()
        if len(stated) <= MAX_REMEMBERED_FORM:
            _identities[stated] = known
    return known


def _read_identity(form: Mapping[str, Any]) -> InstanceIdentity:
    return InstanceIdentity(
        service=fields.text(form.get("service"), "instance.service", longest=fields.MAX_NAME, required=True),
        key=fields.text(form.get("key"), "instance.key", longest=fields.MAX_NAME, required=True),
        started_at=fields.moment(form.get("started_at"), "instance.started_at"),
        release=fields.text(form.get("release"), "instance.release", longest=fields.MAX_RELEASE),
        language=fields.text(form.get("language"), "instance.language", longest=fields.MAX_LANGUAGE),
        labels=fields.labels(form.get("labels")),
        memory_limit_bytes=fields.count_or_none(
            form.get("memory_limit_bytes"), "instance.memory_limit_bytes"
        ),
        agent=fields.text(form.get("agent"), "instance.agent", longest=fields.MAX_AGENT),
    )


def identity_in_query(query: Mapping[str, str]) -> InstanceIdentity:
    """Return who sends, from the query of /v1/profiles."""
    return identity_of(
        {
            "service": query.get("service"),
            "key": query.get("instance"),
            "started_at": query.get("started_at"),
            "release": query.get("release"),
            "language": query.get("language"),
            "agent": query.get("agent"),
            "labels": {
                k.removeprefix(LABEL_PREFIX): v for k, v in query.items() if k.startswith(LABEL_PREFIX)
            },
        }
    )


def points_of(form: Mapping[str, Any], *, oldest: float) -> PushedPoints:
    """Return a body of /v1/points; `oldest` (unix s) is what the retention still keeps.

    Points outside [oldest, now + `MAX_FUTURE_SECONDS`] are dropped and counted, so that one bad clock tick does not
    cost the batch.
    """
    points = form.get("points") or {"ts": [], "columns": {}}
    if not isinstance(points, Mapping):
        raise InvalidPoints("points must be an object with ts and columns.")
    ts, columns = points.get("ts", []), points.get("columns", {})
    if not isinstance(ts, list) or not isinstance(columns, Mapping):
        raise InvalidPoints("points.ts must be a list and points.columns an object of lists.")
    if not all(isinstance(values, list) for values in columns.values()):
        raise InvalidPoints("Every column must be a list as long as points.ts.")
    batch = point_batch(ts, columns)
    kept = _within(batch, oldest, time.time() + MAX_FUTURE_SECONDS)
    return PushedPoints(
        identity_of(form.get("instance")), kept, _markers(form.get("markers")), len(batch) - len(kept)
    )


def holders_of(form: Mapping[str, Any]) -> tuple[InstanceIdentity, HolderAnswer]:
    """Return a body of /v1/holders."""
    method = form.get("method")
    if method not in HOLDER_METHODS:
        raise InvalidPoints(f"method must be one of {', '.join(HOLDER_METHODS)}.")
    paths = form.get("paths", [])
    if not isinstance(paths, list) or len(paths) > MAX_HOLDER_PATHS:
        raise LimitExceeded(f"paths must be a list of at most {MAX_HOLDER_PATHS}.")
    answer = HolderAnswer(
        command_id=fields.text(form.get("command_id"), "command_id", longest=40),
        at=fields.moment(form.get("ts"), "ts"),
        method=method,
        site=_frames(form.get("site", [])),
        paths=tuple(_holder_path(path) for path in paths),
        pause_ms=fields.number(form.get("pause_ms", 0), "pause_ms"),
        unexplained_share=fields.number(form.get("unexplained_share") or 0, "unexplained_share"),
    )
    return identity_of(form.get("instance")), answer


def _within(batch: PointBatch, oldest: float, newest: float) -> PointBatch:
    keep = (batch.ts >= oldest) & (batch.ts <= newest)
    if bool(np.all(keep)):
        return batch
    return PointBatch(batch.ts[keep], {name: values[keep] for name, values in batch.columns.items()})


def _markers(form: Any) -> tuple[PushedMarker, ...]:
    if form is None:
        return ()
    if not isinstance(form, list) or len(form) > MAX_MARKERS:
        raise LimitExceeded(f"markers must be a list of at most {MAX_MARKERS}.")
    return tuple(_marker(entry) for entry in form)


def _marker(form: Any) -> PushedMarker:
    if not isinstance(form, Mapping) or form.get("kind") not in MarkerKind.values:
        raise InvalidPoints(f"A marker is an object whose kind is one of {', '.join(MarkerKind.values)}.")
    return PushedMarker(
        at=fields.moment(form.get("ts"), "A marker's ts"),
        kind=str(form["kind"]),
        version=fields.text(form.get("version"), "A marker's version", longest=fields.MAX_RELEASE),
        text=fields.text(form.get("text"), "A marker's text", longest=MAX_MARKER_TEXT),
    )


def _frames(form: Any) -> tuple[Frame, ...]:
    if not isinstance(form, list) or len(form) > MAX_SITE_FRAMES:
        raise LimitExceeded(f"site must be a list of at most {MAX_SITE_FRAMES} frames.")
    return tuple(_frame(entry) for entry in form)


def _frame(form: Any) -> Frame:
    if not isinstance(form, Mapping):
        raise InvalidPoints("A frame is an object with function, file and line.")
    return Frame(
        function=fields.text(form.get("function"), "A frame's function", longest=MAX_FRAME_TEXT),
        file=fields.text(form.get("file"), "A frame's file", longest=MAX_FRAME_TEXT),
        line=fields.count_or_none(form.get("line"), "A frame's line") or 0,
    )


def _holder_path(form: Any) -> HolderPath:
    if not isinstance(form, Mapping):
        raise InvalidPoints("A holder path is an object with path, share, objects and bytes.")
    return HolderPath(
        path=fields.text(form.get("path"), "A holder's path", longest=MAX_PATH_TEXT, required=True),
        share=fields.number(form.get("share") or 0, "A holder's share"),
        objects=fields.count_or_none(form.get("objects"), "A holder's objects") or 0,
        size_bytes=fields.count_or_none(form.get("bytes"), "A holder's bytes") or 0,
    )


def newest_time(pushed: PushedPoints, now: datetime) -> datetime:
    """Return when the instance was last alive by its own points, never later than `now`; without points, `now`."""
    if not len(pushed.batch):
        return now
    return min(datetime.fromtimestamp(float(pushed.batch.ts[-1]), UTC), now)


def taken_at(value: str | None, now: datetime, *, oldest: float) -> datetime:
    """Return when a profile was taken: `value` in unix seconds, or `now` when it is not given."""
    if not value:
        return now
    at = fields.moment(value, "ts")
    check_kept(at, now, oldest=oldest)
    return at


def check_kept(at: datetime, now: datetime, *, oldest: float) -> None:
    """Raise `InvalidPoints` for a time beyond the retention (`oldest`, unix s) or in the future."""
    if not oldest <= at.timestamp() <= now.timestamp() + MAX_FUTURE_SECONDS:
        raise InvalidPoints("The time lies beyond the retention or in the future; check the sender's clock.")


def oldest_kept(now: datetime) -> float:
    """Return the unix time before which nothing is kept."""
    return now.timestamp() - settings.ENV.retention_days * SECONDS_PER_DAY


def now() -> datetime:
    """Return the wall clock, which is read only here."""
    return datetime.now(UTC)
