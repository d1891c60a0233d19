"""Pyroscope's /ingest in pprof form, raw or multipart, as pyroscope-go, @pyroscope/nodejs and Alloy send it.

Success is exactly 200 with an empty body: the clients take anything else for a failure, and do not send again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from profiler_server.catalog.actions.observe_instance import observe_instance
from profiler_server.core.errors import InvalidPoints, InvalidProfile, UnsupportedFormat
from profiler_server.ingest import native_form
from profiler_server.ingest.bodies import unpack
from profiler_server.ingest.endpoint import Push, endpoint
from profiler_server.ingest.foreign_profile import heap_profile
from profiler_server.ingest.multipart import is_multipart, read_multipart
from profiler_server.ingest.process_lives import note_interval, pyroscope_identity
from profiler_server.ingest.pyroscope_name import parse_name, parse_time
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles

MAX_CONFIG_BYTES = 64 << 10


@dataclass(frozen=True)
class _Form:
    """What a push carries beside its query: the profile, and which of its types are running totals."""

    profile: bytes
    cumulative_types: frozenset[str]


@endpoint(method="POST", max_bytes=lambda: settings.ENV.max_profile_bytes)
def ingest(push: Push) -> None:
    """POST /ingest?name=app{k=v}&from=&until=&format=pprof."""
    now = native_form.now()
    name = parse_name(push.query.get("name", ""))
    begin = parse_time(push.query.get("from", ""), now)
    end = min(parse_time(push.query.get("until", ""), now), now)
    native_form.check_kept(end, now, oldest=native_form.oldest_kept(now))
    form = _form(push)
    profile = heap_profile(form.profile, form.cumulative_types, interval=max(end - begin, timedelta(0)))
    if profile is None:
        return  # a profile of something other than memory: taken, as its client expects, and not kept
    identity = pyroscope_identity(
        push.project_id, name, spy=push.query.get("spyName", ""), at=min(begin, end)
    )
    instance = observe_instance(push.project_id, identity, at=end)
    note_interval(instance, begin=begin, end=end, types=tuple(kind.name for kind in profile.sample_types))
    store_profiles([ProfileArrival(instance, end, profile)])


def _form(push: Push) -> _Form:
    body = unpack(push.body, push.encoding, max_bytes=settings.ENV.max_unpacked_bytes)
    form = push.query.get("format", "")
    if form not in {"", "pprof"}:
        raise UnsupportedFormat("Send format=pprof; text, tree and JFR forms are not read here.")
    if is_multipart(push.content_type):
        return _multipart_form(body, push.content_type)
    if not form:
        raise UnsupportedFormat("A body that is no multipart form needs format=pprof.")
    return _Form(_not_empty(body), frozenset())


def _multipart_form(body: bytes, content_type: str) -> _Form:
    parts = read_multipart(body, content_type)
    if parts.get("prev_profile"):
        raise InvalidProfile("prev_profile is not read here; send the difference, or running totals.")
    return _Form(
        _not_empty(parts.get("profile", b"")), _cumulative_types(parts.get("sample_type_config", b""))
    )


def _not_empty(profile: bytes) -> bytes:
    if not profile:
        raise InvalidProfile("The push holds no profile.")
    return profile


def _cumulative_types(config: bytes) -> frozenset[str]:
    """Return the sample types that `sample_type_config` calls running totals."""
    if not config:
        return frozenset()
    if len(config) > MAX_CONFIG_BYTES:
        raise InvalidPoints(f"sample_type_config may have at most {MAX_CONFIG_BYTES} bytes.")
    try:
        parsed = json.loads(config)
    except (ValueError, RecursionError):
        raise InvalidPoints("sample_type_config must be a JSON object.") from None
    if not isinstance(parsed, dict):
        raise InvalidPoints("sample_type_config must be a JSON object.")
    return frozenset(
        name for name, entry in parsed.items() if isinstance(entry, dict) and entry.get("cumulative")
    )
