"""Add, change and remove the members of a project; it always keeps an admin."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction

from profiler_server.accounts.models import Membership, Project, Role
from profiler_server.core.errors import Conflict, NotFound

PASSWORD_BYTES = 12
MAX_NAME = 150


@dataclass(frozen=True, slots=True)
class Added:
    """The new membership; `password` is set only for an account that was made just now, and shown once."""

    membership: Membership
    password: str = ""


def add_member(project_id: int, username: str, role: str, *, email: str = "") -> Added:
    """Make the user a member, making the account too when there is none of that name. Raises `Conflict`."""
    username = username.strip()
    if not username or len(username) > MAX_NAME:
        raise Conflict(f"A user name has 1 to {MAX_NAME} characters.")
    users = get_user_model().objects
    with transaction.atomic():
        user, password = users.filter(username=username).first(), ""
        if user is None:
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            user = users.create_user(username, email.strip(), password)
        if Membership.objects.filter(project_id=project_id, user=user).exists():
            raise Conflict(f"{username} is a member already; change the role in the list.")
        membership = Membership.objects.create(project_id=project_id, user=user, role=_role(role))
    return Added(membership, password)


def change_role(project_id: int, user_id: int, role: str) -> Membership:
    """Return the membership with its new role. Raises `Conflict` for the last admin."""
    with transaction.atomic():
        membership = _locked(project_id, user_id)
        membership.role = _role(role)
        membership.save(update_fields=["role"])
        _check_admin(project_id)
    return membership


def remove_member(project_id: int, user_id: int) -> str:
    """Remove a member and return the role that was held, for undoing. Raises `Conflict` for the last admin."""
    with transaction.atomic():
        membership = _locked(project_id, user_id)
        role = str(membership.role)
        membership.delete()
        _check_admin(project_id)
    return role


def _locked(project_id: int, user_id: int) -> Membership:
    Project.objects.select_for_update().get(pk=project_id)
    found = Membership.objects.filter(project_id=project_id, user_id=user_id).select_related("user").first()
    if found is None:
        raise NotFound("There is no such member in this project.")
    return found


def _check_admin(project_id: int) -> None:
    if not Membership.objects.filter(project_id=project_id, role=Role.ADMIN).exists():
        raise Conflict("A project keeps at least one admin; make somebody else admin first.")


def _role(role: str) -> str:
    if role not in Role.values:
        raise Conflict("A role is viewer, engineer or admin.")
    return role
