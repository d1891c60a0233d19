"""Say what people know of a service: who owns it, its memory limit, and where its source can be read."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from profiler_server.catalog.models import Service
from profiler_server.core.errors import Conflict, NotFound

MAX_TEMPLATE = 500


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is set by hand; an empty text or None clears it."""

    owner_email: str = ""
    memory_limit_bytes: int | None = None
    source_url_template: str = ""


def change_service(project_id: int, service_id: int, facts: ServiceFacts) -> Service:
    """Return the service with these facts. Raises `Conflict` for those that cannot be used."""
    found = Service.objects.filter(project_id=project_id, pk=service_id).first()
    if found is None:
        raise NotFound("There is no such service in this project.")
    _check(facts)
    found.owner_email = facts.owner_email
    found.memory_limit_bytes = facts.memory_limit_bytes
    found.source_url_template = facts.source_url_template
    found.save(update_fields=["owner_email", "memory_limit_bytes", "source_url_template"])
    return found


def _check(facts: ServiceFacts) -> None:
    template = facts.source_url_template
    if facts.owner_email:
        try:
            validate_email(facts.owner_email)
        except ValidationError as error:
            raise Conflict("The owner must be an e-mail address.") from error
    if facts.memory_limit_bytes is not None and facts.memory_limit_bytes <= 0:
        raise Conflict("The memory limit must be larger than nought.")
    if template and (not template.startswith(("https://", "http://")) or len(template) > MAX_TEMPLATE):
        raise Conflict(
            "The link to the source starts with https:// and may hold {file}, {line} and {release}."
        )
