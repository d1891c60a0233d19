"""Keep profiles: decode, give every call site its id, and write one compressed block each, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from profiler_server.catalog.models import Instance
from profiler_server.core.errors import InvalidProfile
from profiler_server.core.profile import Profile
from profiler_server.profiles.catalogue import decode_catalogue
from profiler_server.profiles.hot_rows import HotProfile, write_hot
from profiler_server.profiles.keys import ServiceKey, SnapshotId
from profiler_server.profiles.preparing import prepare
from profiler_server.profiles.statements import SQL
from profiler_server.storage.times import EPOCH, HOUR, MICROSECOND, window_of

MAX_FUTURE = timedelta(minutes=15)
MAX_PROFILES_PER_CALL = 1_000


@dataclass(frozen=True, slots=True)
class ProfileArrival:
    """One profile of one instance: a pprof body, gzip'd or not, or a profile that was decoded from another format."""

    instance: Instance
    taken_at: datetime
    body: bytes | Profile


@dataclass(frozen=True, slots=True)
class Stored:
    """The profile is kept now."""

    snapshot_id: SnapshotId


@dataclass(frozen=True, slots=True)
class AlreadyStored:
    """The same snapshot was kept before; nothing changed."""

    snapshot_id: SnapshotId


def store_profiles(
    arrivals: Sequence[ProfileArrival], *, now: datetime | None = None, retention: timedelta | None = None
) -> list[Stored | AlreadyStored]:
    """Keep all of the profiles or, on an error, none; the answer is in the order of the arrivals.

    A snapshot is identified by its instance, time and shape (its sample types): sending it again changes nothing.
    Raises `InvalidProfile` for a body that is none or a time outside the retention, `LimitExceeded` beyond a bound.
    """
    if len(arrivals) > MAX_PROFILES_PER_CALL:
        raise InvalidProfile(f"At most {MAX_PROFILES_PER_CALL} profiles may come at once.")
    now = now or timezone.now()
    retention = retention or timedelta(days=settings.ENV.retention_days)
    for arrival in arrivals:
        _check_time(arrival.taken_at, now, retention)
    rows = [HotProfile(one.instance, one.taken_at, prepare(one.instance, one.body)) for one in arrivals]
    return [_outcome(row, is_fresh=one, now=now) for row, one in zip(rows, write_hot(rows), strict=True)]


def _check_time(taken_at: datetime, now: datetime, retention: timedelta) -> None:
    if taken_at < now - retention:
        raise InvalidProfile(
            f"The profile was taken more than {retention.days} days ago, which is not kept any more."
        )
    if taken_at > now + MAX_FUTURE:
        raise InvalidProfile("The profile's time is in the future; check the sender's clock.")


def _outcome(hot: HotProfile, *, is_fresh: bool, now: datetime) -> Stored | AlreadyStored:
    snapshot = SnapshotId(hot.instance.pk, hot.taken_at, hot.prepared.stored_shape.shape_id)
    if is_fresh and hot.taken_at < now - HOUR and _in_chunk(hot):
        is_fresh = False  # its hot partition had been dropped; reading and compaction take it once
    return Stored(snapshot) if is_fresh else AlreadyStored(snapshot)


def _in_chunk(hot: HotProfile) -> bool:
    key = service_key(hot.instance).parameters | {
        "instance_id": hot.instance.pk,
        "shape_id": hot.prepared.stored_shape.shape_id,
        "window_at": window_of(hot.taken_at),
    }
    micros = (hot.taken_at - EPOCH) // MICROSECOND
    found = SQL.fetch("profile_is_sealed", key)
    return any(micros in decode_catalogue(catalogue).taken_us for (catalogue,) in found)


def service_key(instance: Instance) -> ServiceKey:
    """Return the service that an instance's rows belong to."""
    return ServiceKey(instance.project_id, instance.service_id)
