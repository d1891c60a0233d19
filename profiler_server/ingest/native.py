"""The native dialect: points, profiles, holder reports and a ping (agents/wire/README.md)."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from profiler_server.accounts.models import Project
from profiler_server.analysis.actions.deliver_commands import deliver_commands
from profiler_server.analysis.actions.store_holder_report import store_holder_report
from profiler_server.catalog.actions.observe_instance import observe_instance
from profiler_server.catalog.actions.store_markers import store_markers
from profiler_server.core.errors import InvalidProfile
from profiler_server.ingest import native_form
from profiler_server.ingest.bodies import parse_json, unpack
from profiler_server.ingest.endpoint import Push, endpoint
from profiler_server.profiles.actions.store_profiles import ProfileArrival, Stored, store_profiles
from profiler_server.series.actions.store_points import store_points

MAX_UNPACKED_JSON_BYTES = 32 << 20
MAX_HOLDERS_BYTES = 1 << 20
SERVER_NAME = "plimsoll"


@endpoint(method="POST", max_bytes=lambda: settings.ENV.max_points_bytes)
def points(push: Push) -> dict[str, Any]:
    """POST /v1/points: a batch of points and markers of one instance."""
    now = native_form.now()
    form = parse_json(unpack(push.body, push.encoding, max_bytes=MAX_UNPACKED_JSON_BYTES))
    pushed = native_form.points_of(form, oldest=native_form.oldest_kept(now))
    seen_at = native_form.newest_time(pushed, now)
    has_points = len(pushed.batch) > 0
    instance = observe_instance(push.project_id, pushed.identity, at=seen_at, is_noted_later=has_points)
    if pushed.markers:
        store_markers(instance, pushed.markers)
    if has_points:
        store_points(instance, pushed.batch, seen_at=seen_at)
    accepted = {"points": len(pushed.batch), "markers": len(pushed.markers), "dropped": pushed.dropped}
    return {
        "accepted": accepted,
        "next_push_seconds": None,
        "commands": deliver_commands(instance.pk, at=now),
    }


@endpoint(method="POST", max_bytes=lambda: settings.ENV.max_profile_bytes)
def profiles(push: Push) -> dict[str, Any]:
    """POST /v1/profiles: one pprof of one instance; who and when are in the query."""
    now = native_form.now()
    body = unpack(push.body, push.encoding, max_bytes=settings.ENV.max_unpacked_bytes)
    if not body:
        raise InvalidProfile("The body is empty; it must be a pprof profile.")
    taken_at = native_form.taken_at(push.query.get("ts"), now, oldest=native_form.oldest_kept(now))
    instance = observe_instance(push.project_id, native_form.identity_in_query(push.query), at=taken_at)
    (outcome,) = store_profiles([ProfileArrival(instance, taken_at, body)])
    return {
        "status": "stored" if isinstance(outcome, Stored) else "already_stored",
        "snapshot": str(outcome.snapshot_id),
        "commands": deliver_commands(instance.pk, at=now),
    }


@endpoint(method="POST", max_bytes=lambda: MAX_HOLDERS_BYTES)
def holders(push: Push) -> dict[str, Any]:
    """POST /v1/holders: who holds the objects of a call site, in answer to a command."""
    form = parse_json(unpack(push.body, push.encoding, max_bytes=MAX_UNPACKED_JSON_BYTES))
    identity, answer = native_form.holders_of(form)
    instance = observe_instance(push.project_id, identity, at=answer.at)
    created = store_holder_report(instance, answer)
    return {
        "status": "stored" if created else "already_stored",
        "commands": deliver_commands(instance.pk, at=native_form.now()),
    }


@endpoint(method="GET", max_bytes=lambda: 0)
def ping(push: Push) -> dict[str, Any]:
    """GET /v1/ping: which project the token sends to."""
    return {
        "project": Project.objects.values_list("slug", flat=True).get(pk=push.project_id),
        "server": SERVER_NAME,
    }
