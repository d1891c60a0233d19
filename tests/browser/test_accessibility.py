"""No page has an error that axe-core can find, in light and in dark, wide and narrow; nothing sticks out sideways."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.people import wait_for_pictures, wait_until_still

AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()
PAGES = [
    "/",
    "/findings/",
    "/settings/",
    "/install/",
    "/services/geocoder/",
    "/services/geocoder/tables/",
    "finding",
    "/nowhere/",
]
WIDTHS = (1440, 1024, 390)
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
STICKING_OUT = """() => [...document.querySelectorAll('body *')]
    .filter((one) => !one.closest('.scroll') && one.getBoundingClientRect().right > innerWidth + 1)
    .map((one) => `${one.tagName}.${one.className}`).slice(0, 8)"""
RULES = (
    "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'], resultTypes: ['violations'] }"
)


def open_page(page: Page, path: str) -> None:
    if path == "finding":
        page.goto("/findings/")
        page.get_by_role("link", name="geocoder").click()
        page.wait_for_selector("#floor-chart .scatterlayer")
        return
    page.goto(path)
    if path == "/services/geocoder/":
        wait_for_pictures(page)
    if path == "/":
        page.wait_for_selector("#fleet path.memory")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_in_both_themes_and_fits_every_width(
    page: Page, problems: list[str], path: str
) -> None:
    page.emulate_media(color_scheme="light")
    open_page(page, path)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        wait_until_still(page)
        assert page.evaluate(SIDEWAYS) <= 0, f"{page.evaluate(STICKING_OUT)} stick out at {width}"
    page.set_viewport_size({"width": 1440, "height": 900})
    own = [] if path == "/nowhere/" else list(problems)
    page.evaluate(AXE)
    said = violations(page)
    page.emulate_media(color_scheme="dark")
    wait_until_still(page)
    said += violations(page)
    problems[:] = own  # without what the checker itself provoked: it tries to evaluate text
    assert not said, "\n".join(said)


def violations(page: Page) -> list[str]:
    """Return what axe-core finds, a line for each rule."""
    found = page.evaluate(f"async () => (await axe.run(document, {RULES})).violations")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes']][:4]}" for one in found
    ]
