"""Note when a token was last used, so that a forgotten one can be found and revoked."""

from __future__ import annotations

from datetime import datetime

from profiler_server.accounts.models import ApiToken


def note_token_use(token_id: int, *, at: datetime) -> None:
    """Write the time; callers do this once per cache period, not per request."""
    ApiToken.objects.filter(pk=token_id).update(last_used_at=at)
