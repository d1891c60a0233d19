"""Celery's entries into this room; each makes one call and logs."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import UTC, datetime

from celery import shared_task
from django.utils import timezone

from profiler_server.profiles.actions.compact_service import compact_service
from profiler_server.profiles.actions.maintain_partitions import maintain_partitions
from profiler_server.profiles.due import due_hours, due_windows
from profiler_server.profiles.keys import ServiceKey

logger = logging.getLogger(__name__)


@shared_task(name="profiles.compact_due_windows")
def compact_due_windows() -> None:
    """Hand each service with something to compact to a worker of its own."""
    now = timezone.now()
    windows: dict[ServiceKey, list[float]] = defaultdict(list)
    for due in due_windows(now):
        windows[due.service].append(due.at.timestamp())
    for due in due_hours(now):
        windows[due.service]
    for service, starts in windows.items():
        compact_windows.delay(service.project_id, service.service_id, starts)


@shared_task(name="profiles.compact_windows")
def compact_windows(project_id: int, service_id: int, starts: list[float]) -> None:
    """Compact the windows of one service that begin at these unix times."""
    windows = [datetime.fromtimestamp(start, UTC) for start in starts]
    done = compact_service(ServiceKey(project_id, service_id), windows, now=timezone.now())
    logger.info("compacted %d windows and hours of service %d", done, service_id)


@shared_task(name="profiles.maintain_partitions")
def maintain_partitions_task() -> None:
    """Make partitions ahead and drop those that are past their time."""
    report = maintain_partitions(timezone.now())
    logger.info("made %d partitions, dropped %d", report.made, report.dropped)
