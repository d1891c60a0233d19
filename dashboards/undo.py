"""Offers to take back what was just removed: a sentence and a button on the next page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

SESSION_KEY = "undo"


def offer_undo(request: HttpRequest, sentence: str, url: str, fields: Mapping[str, str | int]) -> None:
    """Keep the offer for the next page: posting `fields` to `url` takes the change back."""
    request.session[SESSION_KEY] = {
        "sentence": sentence,
        "url": url,
        "fields": {k: str(v) for k, v in fields.items()},
    }


def taken_offer(request: HttpRequest) -> dict[str, Any] | None:
    """Return the offer, once."""
    return request.session.pop(SESSION_KEY, None) if hasattr(request, "session") else None
