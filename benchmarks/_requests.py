"""How long the server takes for one page, as a logged-in browser asks for it."""

from __future__ import annotations

import time

from playwright.sync_api import Page


def timed(page: Page, path: str) -> float:
    """Return milliseconds from the request to its whole answer."""
    began = time.perf_counter()
    answer = page.request.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.ok, answer.status
    return took
