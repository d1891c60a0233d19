"""Make a project whose maker is its first admin."""

from __future__ import annotations

from django.db import transaction
from django.utils.text import slugify

from profiler_server.accounts.models import Membership, Project, Role
from profiler_server.core.errors import Conflict


def create_project(name: str, *, admin_id: int) -> Project:
    """Return the new project. Raises `Conflict` when its name is empty or taken."""
    name = name.strip()
    slug = slugify(name)[:60]
    if not slug:
        raise Conflict("A project needs a name with at least one letter or digit.")
    with transaction.atomic():
        project, made = Project.objects.get_or_create(slug=slug, defaults={"name": name[:120]})
        if not made:
            raise Conflict("There is a project of that name already.")
        Membership.objects.create(project=project, user_id=admin_id, role=Role.ADMIN)
    return project
