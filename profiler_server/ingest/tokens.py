"""Which project a request may send to: its token, looked up once per cache period."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections import OrderedDict

from django.http import HttpRequest
from django.utils import timezone

from profiler_server.accounts.actions.note_token_use import note_token_use
from profiler_server.accounts.queries import TokenGrant, digest_of, grant_of

GRANT_CACHE_SECONDS = 30.0
REFUSAL_CACHE_SECONDS = 5.0
GRANT_CACHE_MAX = 10_000
TOKEN_MAX_CHARACTERS = 512


class GrantCache:
    """A bounded map from a token's digest to its grant (or its refusal), forgetting the oldest."""

    def __init__(self, max_entries: int = GRANT_CACHE_MAX) -> None:
        self._entries: OrderedDict[bytes, tuple[float, TokenGrant | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._max_entries = max_entries

    def grant(self, secret: str) -> TokenGrant | None:
        """Return the grant of `secret`, from the cache or the database."""
        key, now = digest_of(secret), time.monotonic()
        with self._lock:
            kept = self._entries.get(key)
        if kept is not None and kept[0] > now:
            return kept[1]
        grant = grant_of(secret)
        if grant is not None:
            note_token_use(grant.token_id, at=timezone.now())
        self._keep(key, grant, now)
        return grant

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def _keep(self, key: bytes, grant: TokenGrant | None, now: float) -> None:
        lifetime = GRANT_CACHE_SECONDS if grant is not None else REFUSAL_CACHE_SECONDS
        with self._lock:
            self._entries[key] = (now + lifetime, grant)
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)


GRANTS = GrantCache()


def secret_in(request: HttpRequest) -> str | None:
    """Return the token of a Bearer header, or the password of a Basic one; None when there is neither."""
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if not value or len(value) > TOKEN_MAX_CHARACTERS or not value.isascii() or "\x00" in value:
        return None
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password or user or None
