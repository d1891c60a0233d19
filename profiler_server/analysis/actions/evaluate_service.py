"""Evaluate one service: look at what is new, ask the detector, and write state, finding and requests together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from profiler_server.analysis.actions.ask_agents import ask_agents
from profiler_server.analysis.actions.hold_announcement import announce_soon, hold_announcement
from profiler_server.analysis.actions.protect_snapshots import protect_ends, protect_finding
from profiler_server.analysis.actions.record_evaluation import Verdict, record_evaluation
from profiler_server.analysis.actions.warn_near_limit import fullness_of, warn_near_limit
from profiler_server.analysis.growing_site import growing_site
from profiler_server.analysis.kills import kills_of
from profiler_server.analysis.looking import looks
from profiler_server.analysis.models import Finding, ServiceWatch
from profiler_server.analysis.plain import plain
from profiler_server.analysis.window import Sight, newest_data, see_service
from profiler_server.catalog.actions.store_markers import PushedMarker, store_markers
from profiler_server.catalog.models import MarkerKind, Service
from profiler_server.core.leak import Evaluation, LeakState, Marker
from profiler_server.core.profile import Frame

MAX_ERROR = 300


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The service was looked at; `finding_id` is what it led to, if anything."""

    verdict: str
    finding_id: int | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing was done: another process has the service, or there is nothing new."""

    reason: str


def evaluate_service(service_id: int) -> Evaluated | Skipped:
    """Look at one service and write what follows, in one transaction that holds its watch.

    Doubled calls skip, and a crash leaves everything as it was: state, finding, history and requests are written
    together or not at all.
    """
    with transaction.atomic():
        watch = (
            ServiceWatch.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("service")
            .filter(service_id=service_id)
            .first()
        )
        if watch is None:
            return Skipped("another process looks at it")
        watch.due_at = timezone.now() + timedelta(seconds=settings.ENV.evaluation_interval_seconds)
        newest = newest_data(service_id)
        if newest is None or (watch.data_until is not None and newest.last_seen_at <= watch.data_until):
            watch.save(update_fields=["due_at"])
            return Skipped("nothing new")
        return _evaluate(watch)


def note_failure(service_id: int, reason: str) -> None:
    """Keep why a service could not be evaluated, where a person sees it; it is tried again when next due."""
    ServiceWatch.objects.filter(service_id=service_id).update(
        error=reason[:MAX_ERROR],
        due_at=timezone.now() + timedelta(seconds=settings.ENV.evaluation_interval_seconds),
    )


def _evaluate(watch: ServiceWatch) -> Evaluated | Skipped:
    state = LeakState.from_json(watch.state.get("leak"))
    sight = see_service(
        watch.service,
        state,
        ignore_before=watch.ignore_before,
        interval_seconds=watch.state.get("interval_seconds"),
    )
    if sight is None:
        watch.save(update_fields=["due_at"])
        return Skipped("nothing new")
    found: Finding | None = None
    site: tuple[Frame, ...] = ()
    is_new, releases = False, _running_releases(sight)
    for look in looks(sight, state, step_seconds=settings.ENV.evaluation_interval_seconds):
        is_new |= look.is_fresh
        if look.tells and is_new:
            verdict = Verdict(look.said, look.at, sight.limit_bytes, releases)
            found = record_evaluation(watch.service, verdict) or found
            _protect(watch.service, found, look.at)
        if look.sites and look.said.suspects:
            site = growing_site(look.sites, look.said.suspects[0])
    found = warn_near_limit(watch.service, look.said, fullness_of(sight.window), at=look.at) or found
    protect_ends(watch.service, (*sight.window.markers, *_mark_kills(sight)), since=watch.data_until)
    if not is_new:
        return _repeat(watch, sight, look.said, found)
    _keep(watch, sight, look.said)
    ask_agents(watch.service, found, site=site, is_suspected=look.said.state.wants_sites, at=timezone.now())
    if found is not None and not hold_announcement(watch.service, found, at=timezone.now()):
        announce_soon()
    return Evaluated(look.said.verdict, found.pk if found else None)


def _mark_kills(sight: Sight) -> list[Marker]:
    """Put the kills for lack of memory on the service's time axis, each once, and return them."""
    kills = kills_of(sight)
    for kill in kills:
        store_markers(
            kill.instance, [PushedMarker(kill.at, MarkerKind.OOM, kill.instance.release, kill.text)]
        )
    return [Marker(kill.at.timestamp(), MarkerKind.OOM, instance=kill.instance.key) for kill in kills]


def _repeat(watch: ServiceWatch, sight: Sight, said: Evaluation, found: Finding | None) -> Evaluated:
    """Note that too little came since the last verdict to form another; nothing else is written."""
    watch.data_until, watch.evaluated_at, watch.error = sight.data_until, timezone.now(), ""
    watch.save(update_fields=["data_until", "evaluated_at", "due_at", "error"])
    if found is not None:
        announce_soon()
    return Evaluated(said.verdict, found.pk if found else None)


def _protect(service: Service, found: Finding | None, at: datetime) -> None:
    """Keep the snapshots around a finding's beginning and detection, and around its end, when `at` is one of them."""
    if found is not None and at in {found.detected_at, found.reopened_at}:
        protect_finding(service, found, found.started_at, at)
    elif found is not None and found.resolved_at == at:
        protect_finding(service, found, at)


def _keep(watch: ServiceWatch, sight: Sight, said: Evaluation) -> None:
    watch.state = plain({"leak": said.state.to_json(), "interval_seconds": sight.measured_interval_seconds})
    watch.version += 1
    watch.evaluated_at = timezone.now()
    watch.data_until = sight.data_until
    watch.verdict = said.verdict
    watch.diagnosis = said.diagnosis
    watch.sentence = said.sentence.replace("\x00", "")
    suspected = said.state.suspected_at
    watch.suspected_at = None if suspected is None else datetime.fromtimestamp(suspected, UTC)
    watch.log_e = said.state.log_e
    watch.evaluation = plain(said.to_json())
    watch.error = ""
    watch.save()


def _running_releases(sight: Sight) -> tuple[str, ...]:
    """Return the releases that have sent points since the last look, oldest life first."""
    return tuple(dict.fromkeys(one.version for one in sight.window.instances if one.version))
