"""The tasks that evaluate services: one fans out in batches, one works through a batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import OperationalError

from profiler_server.analysis.actions.claim_due_services import claim_due_services, wake_snoozed_findings
from profiler_server.analysis.actions.evaluate_service import Evaluated, evaluate_service, note_failure
from profiler_server.core.errors import ProfilerError

BATCH_SIZE = 50
LEASE_INTERVALS = 3
SHORTEST_LEASE = timedelta(seconds=60)

_log = logging.getLogger(__name__)


@shared_task(name="analysis.evaluate_due_services")
def evaluate_due_services() -> int:
    """Hand the due services to the workers in batches; return how many services."""
    wake_snoozed_findings()
    interval = timedelta(seconds=settings.ENV.evaluation_interval_seconds)
    lease = max(interval * LEASE_INTERVALS, SHORTEST_LEASE)
    ids = claim_due_services(lease=lease)
    for start in range(0, len(ids), BATCH_SIZE):
        evaluate_batch.apply_async((ids[start : start + BATCH_SIZE],), expires=lease.total_seconds())
    return len(ids)


@shared_task(name="analysis.evaluate_batch")
def evaluate_batch(service_ids: Sequence[int]) -> int:
    """Evaluate each of the services; one that fails does not stop the others. Return how many were looked at."""
    return sum(_evaluate_one(service_id) for service_id in service_ids)


def _evaluate_one(service_id: int) -> bool:
    try:
        outcome = evaluate_service(service_id)
    except OperationalError:
        _log.exception("The database failed while service %d was evaluated; it comes again.", service_id)
        return False
    except ProfilerError as error:
        _log.warning("Service %d could not be evaluated: %s", service_id, error)
        note_failure(service_id, str(error))
        return False
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # noqa: BLE001  a process's edge: one service must not stop the batch
        _log.exception("Service %d could not be evaluated.", service_id)
        note_failure(service_id, f"{type(error).__name__}: {error}")
        return False
    return isinstance(outcome, Evaluated)
