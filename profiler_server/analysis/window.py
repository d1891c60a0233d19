"""What one evaluation looks at: the service's points, call sites and markers that its state has not taken in yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from django.conf import settings

from profiler_server.analysis.claims import claims_of_run
from profiler_server.analysis.flips import split_at_flips
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.errors import NotFound
from profiler_server.core.leak import InstanceSeries, LeakState, Marker, ServiceWindow, SiteTable
from profiler_server.core.leak.config import DEFAULT_CONFIG
from profiler_server.core.profile import FloatArray
from profiler_server.profiles.queries import ProfileSelection, site_growth
from profiler_server.series.queries import Series, read_series

DETECTOR_COLUMNS = (
    "rss_bytes", "rss_anon_bytes", "rss_file_bytes", "rss_shmem_bytes", "swap_bytes", "heap_live_bytes",
    "heap_inuse_bytes", "heap_idle_bytes", "heap_released_bytes", "heap_sys_bytes", "stack_bytes",
    "runtime_other_bytes", "native_inuse_bytes", "native_free_bytes", "mmapped_bytes", "cgroup_current_bytes",
    "cgroup_limit_bytes",
    "cgroup_oom_kills", "threads", "fds", "goroutines", "requests", "errors", "p50_ms", "p99_ms",
)  # fmt: skip
HISTORY = timedelta(days=15)
OVERLAP = timedelta(minutes=1)  # read again, so that how a life ended is seen after it was taken in
ENDED_LATELY = timedelta(minutes=30)
READ_TOGETHER = timedelta(hours=1)
CLOCK_SKEW = timedelta(minutes=10)  # a process may be heard of before it says that it started
SITE_HISTORY = timedelta(days=2)
SITE_BUCKETS = 60
MAX_SITE_INSTANCES = 4
MAX_SITES = 400
MAX_LIVES = DEFAULT_CONFIG.max_lives
ALIVE_WITHIN = timedelta(minutes=10)
TIME_SCALE_LABEL = "time_scale"
MAX_TIME_SCALE = 100_000.0
DEFAULT_INTERVAL_SECONDS = 10.0
MIN_INTERVAL_POINTS = 3
OVERLAP_LABEL = "plimsoll_overlap"


@dataclass(frozen=True)
class Sight:
    """A window without its call sites, the newest data in it, and what is needed to read the call sites as well."""

    window: ServiceWindow
    service: Service
    lives: tuple[Instance, ...]
    oldest: datetime
    data_until: datetime
    limit_bytes: int | None
    measured_interval_seconds: float | None

    @cached_property
    def sites(self) -> tuple[SiteTable, ...]:
        """The call sites of the lives that were seen last, read when first asked for."""
        newest = sorted(self.lives, key=lambda life: life.last_seen_at)[-MAX_SITE_INSTANCES:]
        start = max(self.oldest, self.data_until - SITE_HISTORY)
        tables = (_site_table(self.service, life, start, self.data_until) for life in newest)
        return tuple(table for table in tables if table is not None)

    @cached_property
    def log_e_wanted(self) -> float:
        """What the log e-value of a finding must be among the project's services; reckoned when first asked for."""
        return claims_of_run(self.service.project_id).wanted_by(self.service.pk)


def see_service(
    service: Service, state: LeakState, *, ignore_before: datetime | None, interval_seconds: float | None
) -> Sight | None:
    """Return what is new of a service since `state`, or None when it has no data at all.

    "Now" is the service's newest data: a recording is judged as it would have been live. `interval_seconds` is what
    was measured before; None measures it. Until enough points have come to measure it none are handed on: blocks of a
    wrong length would stay.
    """
    newest = newest_data(service.pk)
    if newest is None:
        return None
    scale = time_scale_of(newest)
    now = newest.last_seen_at
    oldest = max(filter(None, [now - HISTORY, ignore_before]))
    lives = _chosen_lives(catalog.instances(service.pk, oldest, now), state, now)
    series = _points(service, lives, state, oldest, now)
    last = max((float(one.ts[-1]) for one in series if len(one.ts)), default=now.timestamp())
    until = max(now, datetime.fromtimestamp(last, UTC))
    limit, markers = _limit(service, lives), _markers(service.pk, oldest, until)
    measured = interval_seconds or _interval(series)
    window = ServiceWindow(
        now=until.timestamp(),
        interval_seconds=measured or DEFAULT_INTERVAL_SECONDS,
        memory_limit_bytes=float(limit) if limit else None,
        language=service.language or newest.language,
        markers=markers,
        instances=split_at_flips(
            series if measured else (), markers, frozenset(life.release for life in lives)
        ),
        time_scale=scale,
    )
    return Sight(window, service, tuple(lives), oldest, until, limit, measured)


def newest_data(service_id: int) -> Instance | None:
    """Return the instance that was heard of last, or None."""
    return Instance.objects.filter(service_id=service_id).order_by("-last_seen_at").first()


def time_scale_of(instance: Instance) -> float:
    """Return how many seconds pass for the service in one: its own label, or the server's setting."""
    try:
        scale = float(instance.labels.get(TIME_SCALE_LABEL, settings.ENV.time_scale))
    except (TypeError, ValueError):
        return float(settings.ENV.time_scale)
    return scale if 0 < scale <= MAX_TIME_SCALE else float(settings.ENV.time_scale)


def _chosen_lives(known: Sequence[Instance], state: LeakState, now: datetime) -> list[Instance]:
    """Return the lives that are followed: those that run (known ones first), then the newest that have ended."""

    def rank(life: Instance) -> tuple[bool, bool, datetime]:
        is_known = state.read_from(life.key, life.started_at.timestamp()) is not None
        return life.last_seen_at >= now - ALIVE_WITHIN, is_known, life.last_seen_at

    distinct = [life for life in known if OVERLAP_LABEL not in life.labels]
    return sorted(sorted(distinct, key=rank)[-MAX_LIVES:], key=lambda life: life.started_at)


def _points(
    service: Service, lives: Sequence[Instance], state: LeakState, oldest: datetime, until: datetime
) -> tuple[InstanceSeries, ...]:
    """Read the points that the state has not taken in, of every life that has any.

    Lives that were read about as far share a read; one that is new to the state does not make the others' be read anew.
    """
    begin = {life.pk: _unread_from(life, state, oldest, until) for life in lives}
    unread = [life for life in lives if _is_unread(life, state, begin[life.pk], until)]
    by_life: dict[int, list[Series]] = {}
    for together in _read_together(unread, begin):
        found = read_series(
            service.project_id,
            service.pk,
            min(begin[life.pk] for life in together),
            until + timedelta(minutes=10),
            names=list(DETECTOR_COLUMNS),
            instance_ids=[life.pk for life in together],
        )
        for one in found:
            by_life.setdefault(one.instance_id, []).append(one)
    table = (_instance_series(life, by_life.get(life.pk, ()), begin[life.pk].timestamp()) for life in unread)
    return tuple(one for one in table if one is not None)


def _is_unread(life: Instance, state: LeakState, begin: datetime, now: datetime) -> bool:
    """Return whether a life has points that were not taken in, or ended so lately that its end is looked at."""
    if life.last_seen_at < now - ENDED_LATELY:
        seen = life.last_seen_at.timestamp()
        return life.last_seen_at > begin and not state.has_read(life.key, life.started_at.timestamp(), seen)
    return life.last_seen_at > begin


def _read_together(lives: Sequence[Instance], begin: Mapping[int, datetime]) -> Iterator[list[Instance]]:
    """Yield groups of lives whose unread points begin within `READ_TOGETHER` of each other."""
    group: list[Instance] = []
    for life in sorted(lives, key=lambda one: begin[one.pk]):
        if group and begin[life.pk] - begin[group[0].pk] > READ_TOGETHER:
            yield group
            group = []
        group.append(life)
    if group:
        yield group


def _unread_from(life: Instance, state: LeakState, oldest: datetime, now: datetime) -> datetime:
    read_until = state.read_from(life.key, life.started_at.timestamp())
    if read_until is None:
        return max(oldest, min(life.started_at, life.first_seen_at) - CLOCK_SKEW)
    overlap = OVERLAP if life.last_seen_at >= now - ENDED_LATELY else timedelta(0)
    return max(oldest, datetime.fromtimestamp(read_until, UTC) - overlap)


def _instance_series(life: Instance, columns: Iterable[Series], begin: float) -> InstanceSeries | None:
    """Put the columns of one life on one time axis, NaN where a column has no value; None without points."""
    columns = [one for one in columns if len(one.ts)]
    if not columns:
        return None
    ts = np.unique(np.concatenate([one.ts for one in columns]))
    ts = ts[ts > begin]
    if not len(ts):
        return None
    return InstanceSeries(
        instance=life.key,
        started_at=life.started_at.timestamp(),
        version=life.release or None,
        ts=ts,
        columns={one.name: _on_axis(one, ts) for one in columns},
    )


def _on_axis(one: Series, ts: FloatArray) -> FloatArray:
    values = np.full(len(ts), np.nan)
    keep = one.ts >= ts[0]
    values[np.searchsorted(ts, one.ts[keep])] = one.values[keep]
    return values


def _interval(series: Sequence[InstanceSeries]) -> float | None:
    gaps = [float(np.median(np.diff(one.ts))) for one in series if len(one.ts) >= MIN_INTERVAL_POINTS]
    return float(np.median(gaps)) if gaps else None


def _limit(service: Service, lives: Sequence[Instance]) -> int | None:
    if service.memory_limit_bytes:
        return service.memory_limit_bytes
    stated = [life.memory_limit_bytes for life in lives if life.memory_limit_bytes]
    return stated[-1] if stated else None


def _markers(service_id: int, start: datetime, end: datetime) -> tuple[Marker, ...]:
    return tuple(
        Marker(
            ts=marker.at.timestamp(),
            kind=marker.kind,
            version=marker.version or None,
            instance=marker.instance.key if marker.instance else None,
        )
        for marker in catalog.markers(service_id, start, end)
    )


def _site_table(service: Service, life: Instance, start: datetime, end: datetime) -> SiteTable | None:
    start = max(start, life.first_seen_at)
    if start >= end:
        return None
    selection = ProfileSelection(service.project_id, service.pk, start, end, instance_ids=(life.pk,))
    try:
        found = site_growth(selection, buckets=SITE_BUCKETS, limit=MAX_SITES)
    except NotFound:  # the service has sent no in-use profiles
        return None
    if len(found.ts) < 2:
        return None
    return SiteTable(
        instance=life.key,
        started_at=life.started_at.timestamp(),
        ts=found.ts,
        stacks=found.sites,
        inuse_bytes=found.values,
    )
