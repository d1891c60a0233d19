"""From an address to a question that the store understands; every bound of the API has its name here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest

from profiler_server.catalog.models import Service
from profiler_server.catalog.queries import service_by_name
from profiler_server.codecs.selection_query import Asked, parse_selection
from profiler_server.core.errors import LimitExceeded, UnsupportedFormat
from profiler_server.profiles.queries import MOST_NODES, ProfileSelection

MAX_NODES = MOST_NODES
DEFAULT_NODES = 50_000
MAX_ROWS = 5_000
DEFAULT_ROWS = 100
MAX_POINTS = 5_000
DEFAULT_POINTS = 1_000
MAX_BUCKETS = 500
DEFAULT_BUCKETS = 96
MAX_SNAPSHOTS = 10_000
DEFAULT_SNAPSHOTS = 500


@dataclass(frozen=True, slots=True)
class Question:
    """One side of a question with the service that it is about."""

    service: Service
    asked: Asked
    selection: ProfileSelection


def question(request: HttpRequest, project_id: int, name: str, *, prefix: str = "") -> Question:
    """Read the question of one request. Raises `NotFound`, `UnsupportedFormat`, `LimitExceeded`."""
    service = service_by_name(project_id, name)
    asked = parse_selection(request.GET, now=datetime.now(UTC), prefix=prefix)
    return Question(service, asked, selection_of(service, asked))


def selection_of(service: Service, asked: Asked) -> ProfileSelection:
    """Return what the store is asked for."""
    return ProfileSelection(
        service.project_id,
        service.pk,
        asked.start,
        asked.end,
        sample_type=asked.sample_type,
        instance_ids=asked.instance_ids,
        release=asked.release,
        labels=dict(asked.labels) or None,
        snapshot_id=asked.snapshot_id,
    )


def bounded_number(request: HttpRequest, name: str, *, default: int, most: int, least: int = 1) -> int:
    """Return the whole number `name` of the query string. Raises when it is none or out of bounds."""
    text = request.GET.get(name)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError as error:
        raise UnsupportedFormat(f"{name} must be a whole number.") from error
    if not least <= number <= most:
        raise LimitExceeded(f"{name} must be between {least} and {most}.")
    return number


def span(asked: Asked, prefix: str = "") -> dict[str, float]:
    """Return the resolved range in unix seconds, as every answer repeats it."""
    return {f"{prefix}from": asked.start.timestamp(), f"{prefix}to": asked.end.timestamp()}
