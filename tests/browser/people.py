"""What a person does on the pages, in one call each."""

from __future__ import annotations

import time

from playwright.sync_api import Page, expect

from tests.browser.seed_names import PASSWORD, USERNAME

WAIT_SECONDS = 30.0
STILL_LOOKS = 6
LOOK = """() => { const { scrollWidth, scrollHeight } = document.documentElement;
  const charts = Array.from(document.querySelectorAll('.js-plotly-plot'), (one) => one._fullLayout?.width).join();
  return `${scrollWidth} ${scrollHeight} ${charts} ${document.body.innerText.length} ${location.href}`; }"""


def log_in(page: Page, username: str = USERNAME, password: str = PASSWORD) -> None:
    """Log in and arrive at the fleet."""
    page.goto("/login/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Log in")


def wait_for_pictures(page: Page) -> None:
    """Wait until every chart of the page is drawn."""
    wait_until(page, "() => performance.getEntriesByName('pictures-drawn').length > 0")


def wait_until(page: Page, condition: str, argument: object = None) -> None:
    """Wait until a JavaScript function answers true; Playwright's own waiting needs a laxer security policy."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not page.evaluate(condition, argument):
        if time.monotonic() > deadline:
            raise AssertionError(f"It never came true: {condition}")
        page.wait_for_timeout(40)


def wait_until_still(page: Page) -> None:
    """Wait until the page has looked the same, its text and its size, for `STILL_LOOKS` looks in a row."""
    deadline, same, before = time.monotonic() + WAIT_SECONDS, 0, ""
    while same < STILL_LOOKS:
        look: str = page.evaluate(LOOK)
        same, before = (same + 1 if look == before else 0), look
        if time.monotonic() > deadline:
            raise AssertionError("The page never came to rest.")
        page.wait_for_timeout(40)


def drag_over(page: Page, selector: str, *, start: float, end: float) -> None:
    """Drag with the mouse over an element from one share of its width to another."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] * 0.3
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, y, steps=6)
    page.mouse.up()
