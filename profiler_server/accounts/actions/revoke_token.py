"""Revoke a token, and take that back: what sends with a revoked token is refused at once."""

from __future__ import annotations

from django.utils import timezone

from profiler_server.accounts.models import ApiToken
from profiler_server.core.errors import NotFound


def revoke_token(project_id: int, token_id: int) -> ApiToken:
    """Return the token, revoked; revoking it again changes nothing."""
    ApiToken.objects.filter(project_id=project_id, pk=token_id, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    return _token(project_id, token_id)


def restore_token(project_id: int, token_id: int) -> ApiToken:
    """Return the token, valid again."""
    ApiToken.objects.filter(project_id=project_id, pk=token_id).update(revoked_at=None)
    return _token(project_id, token_id)


def _token(project_id: int, token_id: int) -> ApiToken:
    found = ApiToken.objects.filter(project_id=project_id, pk=token_id).first()
    if found is None:
        raise NotFound("There is no such token in this project.")
    return found
