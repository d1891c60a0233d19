"""Who may see what, and which project a token sends to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from profiler_server.accounts.models import ApiToken, Membership, Project, Role
from profiler_server.core.errors import AccessDenied

_RANK = {Role.VIEWER.value: 0, Role.ENGINEER.value: 1, Role.ADMIN.value: 2}


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a valid token allows: sending to one project."""

    token_id: int
    project_id: int


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 digest under which a token is stored; tokens are random, so no salt is needed."""
    return hashlib.sha256(secret.encode()).digest()


def grant_of(secret: str) -> TokenGrant | None:
    """Return what the token `secret` allows, or None when it is unknown or revoked."""
    row = (
        ApiToken.objects.filter(digest=digest_of(secret), revoked_at=None)
        .values_list("id", "project_id")
        .first()
    )
    return TokenGrant(*row) if row else None


def projects_of(user: AbstractBaseUser | AnonymousUser) -> list[Project]:
    """Return the projects that `user` is a member of, by name."""
    if user.pk is None:
        return []
    return list(Project.objects.filter(memberships__user_id=user.pk).order_by("name"))


def role_in(user: AbstractBaseUser | AnonymousUser, project_id: int) -> str | None:
    """Return the role of `user` in the project, or None when not a member."""
    if user.pk is None:
        return None
    return (
        Membership.objects.filter(user_id=user.pk, project_id=project_id)
        .values_list("role", flat=True)
        .first()
    )


def require_role(user: AbstractBaseUser | AnonymousUser, project_id: int, least: str) -> None:
    """Raise `AccessDenied` unless `user` has at least the role `least` in the project."""
    role = role_in(user, project_id)
    if role is None or _RANK[role] < _RANK[least]:
        raise AccessDenied(f"This needs the role {least} in the project; ask one of its admins.")
