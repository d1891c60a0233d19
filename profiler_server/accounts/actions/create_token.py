"""Make a token for a project; its secret is shown once and never stored."""

from __future__ import annotations

import secrets

from profiler_server.accounts.models import ApiToken, Project
from profiler_server.accounts.queries import digest_of

TOKEN_PREFIX = "plim_"  # noqa: S105  what tokens start with, not a secret
TOKEN_BYTES = 24
SHOWN_CHARACTERS = 10


def create_token(
    project: Project, name: str, *, created_by_id: int | None = None, secret: str = ""
) -> tuple[ApiToken, str]:
    """Return the new token and its secret; a given `secret` is used as it is (for demonstrations)."""
    secret = secret or TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    token = ApiToken.objects.create(
        project=project,
        name=name,
        prefix=secret[:SHOWN_CHARACTERS],
        digest=digest_of(secret),
        created_by_id=created_by_id,
    )
    return token, secret
