"""Say who is mailed for which service."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from profiler_server.alerts.models import AlertRoute
from profiler_server.catalog.models import Service
from profiler_server.core.errors import Conflict, LimitExceeded, NotFound

MAX_ROUTES_PER_PROJECT = 500


def add_route(project_id: int, email: str, *, service_id: int | None = None) -> AlertRoute:
    """Return the route to `email`, for one service or (None) for the whole project; repeating it changes nothing."""
    email = email.strip()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Conflict("That is not an e-mail address.") from error
    if service_id is not None and not Service.objects.filter(project_id=project_id, pk=service_id).exists():
        raise NotFound("There is no such service in this project.")
    if AlertRoute.objects.filter(project_id=project_id).count() >= MAX_ROUTES_PER_PROJECT:
        raise LimitExceeded(f"A project may have at most {MAX_ROUTES_PER_PROJECT} routes.")
    AlertRoute.objects.bulk_create(
        [AlertRoute(project_id=project_id, service_id=service_id, email=email)], ignore_conflicts=True
    )
    same = AlertRoute.objects.filter(project_id=project_id, email=email)
    return same.get(service=None) if service_id is None else same.get(service_id=service_id)


def remove_route(project_id: int, route_id: int) -> None:
    """Forget a route; raises `NotFound` when the project has none such."""
    deleted, _ = AlertRoute.objects.filter(project_id=project_id, pk=route_id).delete()
    if not deleted:
        raise NotFound("There is no such route in this project.")
