"""Bounded GET of a target's page: a deadline and a size for the whole of it."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from time import monotonic
from typing import Optional
from urllib.parse import urlsplit

from plimsoll_sidecar.version import AGENT_NAME

DEADLINE_SECONDS = 20.0
MAX_PAGE_BYTES = 32 << 20
_CHUNK = 64 * 1024
_SCHEMES = frozenset({"http", "https"})


class Unreachable(OSError):
    """The target did not answer at all: it is down, or gone."""


class NoPage(OSError):
    """The target answers, but not with this page."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A target that redirects elsewhere is not followed."""

    def redirect_request(self, *_: object, **__: object) -> Optional[urllib.request.Request]:
        """Refuse."""
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def fetch(url: str, *, seconds: float = DEADLINE_SECONDS, max_bytes: int = MAX_PAGE_BYTES) -> bytes:
    """Return the page's body; raise Unreachable or NoPage."""
    if urlsplit(url).scheme not in _SCHEMES:
        raise NoPage(f"{url}: only http and https can be fetched")
    deadline = monotonic() + seconds
    request = urllib.request.Request(url, headers={"User-Agent": AGENT_NAME})  # noqa: S310
    try:
        with _OPENER.open(request, timeout=seconds) as answer:
            return _read(answer, url, deadline, max_bytes)
    except urllib.error.HTTPError as problem:
        problem.close()
        raise NoPage(f"{url}: HTTP {problem.code}") from problem
    except urllib.error.URLError as problem:
        raise Unreachable(f"{url}: {problem.reason}") from problem
    except (HTTPException, ValueError) as problem:
        raise NoPage(f"{url}: {problem}") from problem
    except (NoPage, Unreachable):
        raise
    except OSError as problem:
        raise Unreachable(f"{url}: {problem}") from problem


def _read(answer: object, url: str, deadline: float, max_bytes: int) -> bytes:
    body = bytearray()
    while True:
        piece = answer.read1(_CHUNK)  # type: ignore[attr-defined]
        if not piece:
            return bytes(body)
        body += piece
        if len(body) > max_bytes:
            raise NoPage(f"{url}: more than {max_bytes:,} bytes")
        if monotonic() > deadline:
            raise NoPage(f"{url}: took too long")
