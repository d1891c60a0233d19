"""Hold the first word about a finding for a moment when the agents are about to say more: one mail should be enough."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError

from profiler_server.analysis.models import (
    AgentCommand,
    CommandKind,
    EventKind,
    Family,
    Finding,
    FindingEvent,
)
from profiler_server.catalog.models import Service

SUSPECTS_GRACE = timedelta(minutes=5)
HOLDERS_GRACE = timedelta(seconds=45)
URGENT_WITHIN = timedelta(minutes=15)
ARMED_LANGUAGES = ("python",)
ANNOUNCING_TASK = "alerts.send_due_notifications"

_log = logging.getLogger(__name__)


def hold_announcement(service: Service, found: Finding, *, at: datetime) -> bool:
    """Hold an unannounced opening while suspects or holders are expected; return whether there is nothing to send now.

    A heap leak of a Python service without suspects waits up to `SUSPECTS_GRACE` (its agents arm their samplers now),
    one whose holders are being looked for up to `HOLDERS_GRACE`. A hold is never made longer, and one whose limit
    is near is not held at all.
    """
    waiting = FindingEvent.objects.filter(
        finding=found, announced_at=None, kind__in=(EventKind.OPENED, EventKind.REOPENED)
    )
    events = list(waiting.select_for_update())
    until = at + _grace(service, found, at)
    for event in events:
        event.held_until = until if event.held_until is None else min(event.held_until, until)
        event.save(update_fields=["held_until"])
    unannounced = FindingEvent.objects.filter(finding=found, announced_at=None)
    return not unannounced.exclude(held_until__gt=at).exists()


def release_announcement(found: Finding, *, at: datetime) -> None:
    """End the hold: what was expected is there."""
    held = FindingEvent.objects.filter(finding=found, announced_at=None, held_until__gt=at)
    if held.update(held_until=at):
        announce_soon()


def announce_soon() -> None:
    """Have the mails sent when the transaction is through, instead of at the next beat."""
    transaction.on_commit(_send_task)


def _grace(service: Service, found: Finding, at: datetime) -> timedelta:
    if found.family != Family.HEAP or _is_urgent(found):
        return timedelta(0)
    if not found.suspects:
        return SUSPECTS_GRACE if service.language in ARMED_LANGUAGES else timedelta(0)
    asked = AgentCommand.objects.filter(
        finding=found, kind=CommandKind.FIND_HOLDERS, answered_at=None, expires_at__gt=at
    )
    return HOLDERS_GRACE if asked.exists() else timedelta(0)


def _is_urgent(found: Finding) -> bool:
    return found.forecast_p10_at is not None and found.forecast_p10_at - found.updated_at < URGENT_WITHIN


def _send_task() -> None:
    try:
        current_app.send_task(ANNOUNCING_TASK, ignore_result=True)
    except BrokerError:
        _log.warning("The broker does not answer; the mails go out at the next beat.")
