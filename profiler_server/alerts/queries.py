"""Reads of the alerts: who is told of what, and what was sent."""

from __future__ import annotations

from profiler_server.accounts.models import Membership, Role
from profiler_server.alerts.models import AlertRoute, Notification
from profiler_server.catalog.models import Service

MAX_RECIPIENTS = 50
MAX_NOTIFICATIONS = 200


def recipients_of(service: Service) -> list[str]:
    """Return who is mailed for a service, in order, at most `MAX_RECIPIENTS`.

    The routes of the service and of the whole project; without any, the service's owner; without one, the project's
    admins.
    """
    project_id = service.project_id
    routes = AlertRoute.objects.filter(project_id=project_id)
    found = {route.email for route in routes if route.service_id in {None, service.pk}}
    if not found and service.owner_email:
        found = {service.owner_email}
    if not found:
        admins = Membership.objects.filter(project_id=project_id, role=Role.ADMIN).select_related("user")
        found = {member.user.email for member in admins if member.user.email}
    return sorted(found)[:MAX_RECIPIENTS]


def alert_routes(project_id: int) -> list[AlertRoute]:
    """Return the project's routes, those of the whole project first."""
    rows = AlertRoute.objects.filter(project_id=project_id).select_related("service")
    return sorted(rows, key=lambda route: (route.service.name if route.service else "", route.email))


def notifications(project_id: int, *, finding_id: int | None = None) -> list[Notification]:
    """Return what was or will be sent, newest first; at most `MAX_NOTIFICATIONS`."""
    rows = Notification.objects.filter(project_id=project_id)
    if finding_id is not None:
        rows = rows.filter(finding_id=finding_id)
    return list(rows.order_by("-created_at", "-id")[:MAX_NOTIFICATIONS])
