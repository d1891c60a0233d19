"""The panel's own server and a page that watches what it complains of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.flame.stage import Watch, panel_server


@pytest.fixture(scope="module")
def panel_base() -> Iterator[str]:
    with panel_server() as base:
        yield base


@pytest.fixture
def watch(browser: Browser, panel_base: str) -> Iterator[Watch]:
    """A fresh page for the panel; a console error or a policy violation fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    watched = Watch(context.new_page(), panel_base)
    yield watched
    context.close()
    assert watched.complaints == []
