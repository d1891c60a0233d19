"""Nothing moves when data arrives: the cumulative layout shift of every page, as Chromium reckons it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import wait_for_pictures

MOST_SHIFT = 0.02
OBSERVE = """window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const moved = entry.sources.map(({ node }) => node?.id || node?.className || node?.nodeName || 'gone');
    window.shifts.push([entry.value, moved.slice(0, 4).join(', ')]);
  }
}).observe({ type: 'layout-shift', buffered: true });"""
PAGES = ("/", "/findings/", "/settings/", "/install/", "/services/geocoder/", "finding",
         "/services/geocoder/flame/", "/services/geocoder/compare/", "/services/geocoder/growth/")  # fmt: skip


def open_whole(page: Page, path: str) -> None:
    """Open a page and wait until all its data has come."""
    if path == "finding":
        page.goto("/findings/")
        page.get_by_role("link", name="geocoder").click()
        page.wait_for_selector("#floor-chart .scatterlayer")
        return
    page.goto(path)
    if path == "/services/geocoder/":
        wait_for_pictures(page)
    elif path == "/":
        expect(page.locator("#fleet path.memory")).to_have_count(5)
    elif path.endswith(("/flame/", "/compare/")):
        expect(page.locator("[data-flame-panel]")).to_have_class(re.compile("flame-ready"))
        expect(page.locator(".timeline-line").first).to_be_attached()
    elif path.endswith("/growth/"):
        expect(page.locator("#growth-chart .scatterlayer .trace").first).to_be_attached()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_moves_when_data_arrives(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.add_init_script(OBSERVE)
    open_whole(page, path)
    page.wait_for_load_state("networkidle")
    shifts: list[tuple[float, str]] = page.evaluate("window.shifts")
    assert sum(size for size, _ in shifts) <= MOST_SHIFT, shifts
