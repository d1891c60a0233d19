"""Celery's entries into this room; each makes one call and logs."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import UTC, datetime

from celery import shared_task
from django.utils import timezone

from profiler_server.series.actions.compact_hour import Outcome, compact_hour
from profiler_server.series.actions.maintain_partitions import maintain_partitions
from profiler_server.series.due import due_hours
from profiler_server.storage.services import ServiceKey

logger = logging.getLogger(__name__)


@shared_task(name="series.compact_due_points")
def compact_due_points() -> None:
    """Hand each service with something to compact to a worker of its own."""
    hours: dict[ServiceKey, list[float]] = defaultdict(list)
    for due in due_hours(timezone.now()):
        hours[due.service].append(due.at.timestamp())
    for service, starts in hours.items():
        compact_hours.delay(service.project_id, service.service_id, starts)


@shared_task(name="series.compact_hours")
def compact_hours(project_id: int, service_id: int, starts: list[float]) -> None:
    """Compact the hours of one service that begin at these unix times."""
    service = ServiceKey(project_id, service_id)
    outcomes = [compact_hour(service, datetime.fromtimestamp(start, UTC)) for start in starts]
    logger.info("compacted %d hours of points of service %d", outcomes.count(Outcome.DONE), service_id)


@shared_task(name="series.maintain_partitions")
def maintain_partitions_task() -> None:
    """Make partitions ahead and drop those that are past their time."""
    report = maintain_partitions(timezone.now())
    logger.info("made %d partitions, dropped %d", report.made, report.dropped)
