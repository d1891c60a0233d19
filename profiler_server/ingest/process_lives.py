"""Which process life a Pyroscope push belongs to: its clients send labels, and no start of the process."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import F

from profiler_server.analysis.window import OVERLAP_LABEL
from profiler_server.catalog.actions.observe_instance import InstanceIdentity
from profiler_server.catalog.models import Instance
from profiler_server.ingest import fields
from profiler_server.ingest.pyroscope_name import SeriesName

LANGUAGE_OF_SPY = {"gospy": "go", "pyspy": "python", "nodespy": "node", "javaspy": "java", "rbspy": "ruby",
                   "dotnetspy": "dotnet", "rustspy": "rust", "pyroscope-rs": "rust"}  # fmt: skip
RELEASE_LABELS = (
    "release",
    "version",
    "service_version",
    "app_version",
    "service.version",
    "git_ref",
    "git_sha",
)
REMEMBER_SECONDS = 7 * 86_400
SILENT_LIFE_ENDS = timedelta(hours=1)
OVERLAP_TOLERANCE = timedelta(seconds=2)
OVERLAPS_BEFORE_FLAG = 3
SHORT_KEY = 160


def pyroscope_identity(project_id: int, name: SeriesName, *, spy: str, at: datetime) -> InstanceIdentity:
    """Return the identity of the process that sent a push which begins at `at`.

    The key is made of every label (and the session, which some clients make new at each start of the process), less
    the release: whoever shares all of them is one process as far as can be told. The start is the first push of that
    key, remembered in the cache and, when that forgets it, in the catalog.
    """
    release = next((name.labels[key] for key in RELEASE_LABELS if name.labels.get(key)), "")
    key = _key(name)
    return InstanceIdentity(
        service=name.service,
        key=key,
        started_at=_started_at(project_id, name.service, key, at),
        release=release[: fields.MAX_RELEASE],
        language=LANGUAGE_OF_SPY.get(spy.lower(), ""),
        labels=name.labels,
        agent=f"pyroscope/{spy}"[: fields.MAX_AGENT] if fields.storable(spy) else "pyroscope",
    )


def note_interval(instance: Instance, *, begin: datetime, end: datetime, types: tuple[str, ...]) -> None:
    """Notice pushes of one key whose intervals overlap: several processes that cannot be told apart.

    Forked workers without a label of their own interleave into one false sawtooth. After `OVERLAPS_BEFORE_FLAG` of
    them the instance carries the label `OVERLAP_LABEL`, and no verdict is given on it.
    """
    if OVERLAP_LABEL in instance.labels or end <= begin:
        return
    stamp = f"pyroscope-until:{instance.pk}:{','.join(types)}"
    until = cache.get(stamp)
    cache.set(stamp, max(end.timestamp(), until or 0.0), timeout=REMEMBER_SECONDS)
    if (
        until is None
        or begin.timestamp() >= until - OVERLAP_TOLERANCE.total_seconds()
        or end.timestamp() == until
    ):
        return
    counter = f"pyroscope-overlaps:{instance.pk}"
    cache.add(counter, 0, timeout=REMEMBER_SECONDS)
    if cache.incr(counter) >= OVERLAPS_BEFORE_FLAG:
        instance.labels = {**instance.labels, OVERLAP_LABEL: "true"}
        Instance.objects.filter(pk=instance.pk).update(labels=instance.labels)


def _key(name: SeriesName) -> str:
    parts = [f"{key}={value}" for key, value in sorted(name.labels.items()) if key not in RELEASE_LABELS]
    if name.session:
        parts.append(f"session={name.session}")
    whole = ",".join(parts) or "unnamed"
    if len(whole) <= SHORT_KEY:
        return whole
    return f"{whole[:SHORT_KEY]}…{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def _started_at(project_id: int, service: str, key: str, at: datetime) -> datetime:
    digest = hashlib.sha256(f"{service}\x00{key}".encode()).hexdigest()[:32]
    stamp = f"pyroscope-start:{project_id}:{digest}"
    known = cache.get(stamp)
    if known is None:
        cache.add(stamp, _known_start(project_id, service, key, at) or at, timeout=REMEMBER_SECONDS)
        known = cache.get(stamp)
    started: datetime = known or at
    return started


def _known_start(project_id: int, service: str, key: str, at: datetime) -> datetime | None:
    """Return the start of the newest life of that key, unless it has been silent for long."""
    lives = Instance.objects.filter(project_id=project_id, service__name=service, key=key)
    newest = lives.filter(last_seen_at__gte=at - SILENT_LIFE_ENDS).order_by(F("started_at").desc()).first()
    return None if newest is None else newest.started_at
