"""A real Chromium against a real server; a console error, a CSP report or a failed request fails the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser import chromium
from tests.browser.people import log_in
from tests.browser.server import RunningServer, running_server
from tests.integration.alerts.mailbox import Mailbox

WAIT_MS = 30_000
ZONE = "Europe/Berlin"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where Chromium is; without one the tests fail in CI and say so elsewhere."""
    found = chromium.find()
    if found is None:
        message = (
            "No Chromium: the browser tests cannot run (apt-get install chromium, or set CHROMIUM_PATH)."
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """A mail server that the tested server sends to."""
    box = Mailbox()
    box.start()
    yield box
    box.stop()


@pytest.fixture(scope="session")
def server(mailbox: Mailbox) -> Iterator[RunningServer]:
    """The server with five recorded services in the project Shop, and an empty project."""
    with running_server("quick", smtp_port=mailbox.port) as running:
        yield running


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Chromium; for a module only, since its event loop would be in the way of other tests' databases."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=list(chromium.ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, server: RunningServer) -> object:
    """The cookies of a logged-in person, so that not every test fills in the form."""
    context = browser.new_context(base_url=server.url, timezone_id=ZONE)
    log_in(context.new_page())
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def problems() -> list[str]:
    """What the pages complained of; a test that provokes a complaint clears it."""
    return []


@pytest.fixture
def context(
    browser: Browser, server: RunningServer, signed_in: object, problems: list[str]
) -> Iterator[BrowserContext]:
    """A fresh logged-in browser context that is strict about its pages."""
    wide = ViewportSize(width=1440, height=900)
    state = cast("StorageState", signed_in)
    made = browser.new_context(
        base_url=server.url, storage_state=state, viewport=wide, timezone_id=ZONE
    )  # fmt: skip
    made.set_default_timeout(WAIT_MS)
    made.on("page", lambda page: _watch(page, problems))
    yield made
    made.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of the logged-in person."""
    return context.new_page()


@pytest.fixture
def new_page(context: BrowserContext) -> Callable[[], Page]:
    """More pages of the same person."""
    return context.new_page


def _watch(page: Page, problems: list[str]) -> None:
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "response",
        lambda answer: problems.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None,
    )
