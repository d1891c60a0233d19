"""Claim the services whose evaluation is due, so that each is handed to one batch only."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from profiler_server.analysis.actions.change_finding import changed_finding
from profiler_server.analysis.actions.record_evaluation import wake
from profiler_server.analysis.models import Finding, FindingStatus, ServiceWatch
from profiler_server.catalog.models import Instance, Service

MAX_CLAIMED = 20_000
MAX_WOKEN = 500


def claim_due_services(*, lease: timedelta) -> list[int]:
    """Return the ids of the services that are due and have new data; they are due again after `lease`.

    An evaluation sets the next time itself; the lease is for batches that are lost on the way. Any number of callers
    may claim at once: none gets what another has.
    """
    _watch_new_services()
    now = timezone.now()
    newest = Instance.objects.filter(service_id=OuterRef("service_id")).order_by("-last_seen_at")
    with transaction.atomic():
        due = (
            ServiceWatch.objects.select_for_update(skip_locked=True)
            .filter(due_at__lte=now)
            .order_by("due_at")
        )
        rows = list(
            due.values_list("service_id", "data_until", Subquery(newest.values("last_seen_at")[:1]))[
                :MAX_CLAIMED
            ]
        )
        ids = [service for service, seen, last in rows if last is not None and (seen is None or last > seen)]
        ServiceWatch.objects.filter(service_id__in=ids).update(due_at=now + lease)
    return ids


def wake_snoozed_findings() -> int:
    """Open the findings whose snooze has run out, and return how many."""
    late = Finding.objects.filter(status=FindingStatus.SNOOZED, snoozed_until__lte=timezone.now())
    rows = list(late.values_list("project_id", "pk")[:MAX_WOKEN])
    for project_id, finding_id in rows:
        with changed_finding(project_id, finding_id) as found:
            if found.status == FindingStatus.SNOOZED:
                wake(found, at=timezone.now(), reason="the time is over")
    return len(rows)


def _watch_new_services() -> None:
    """Give every service without one a watch; two callers at once make one each."""
    unwatched = Service.objects.filter(watch=None).values_list("pk", "project_id")
    rows = [ServiceWatch(service_id=pk, project_id=project_id) for pk, project_id in unwatched[:MAX_CLAIMED]]
    ServiceWatch.objects.bulk_create(rows, ignore_conflicts=True)
