"""A finding of every kind and state: its page says what it is, fits narrow windows, and has no error axe-core finds."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import RunningServer
from tests.browser.test_accessibility import AXE, SIDEWAYS, STICKING_OUT, violations

KINDS = {
    "Runtime retention in thumbnailer": ("no leak in the code", "Released, still resident", "See it on the time axis"),
    "Resource leak in thumbnailer": ("goroutines/h", "1 per 83 requests", "is not memory of the heap"),
    "Heap leak in thumbnailer": ("came back", "allocates in", "(*Pool).Get", "Came back"),
    "Fragmentation in report-builder": ("no leak in the code", "Free in", "486 MiB of 512 MiB", "Why it is no leak"),
    "Heap leak in report-builder": ("Resolved", "cured it", "Nothing: it is resolved"),
    "Native leak in pdf-render": ("Unexplained", "for lasting growth", "no heap profile sees it"),
    "High-water mark in pdf-render": ("Snoozed", "until a release other than v8 runs", "with mara"),
}  # fmt: skip


@pytest.fixture(scope="module")
def kinds(server: RunningServer) -> None:
    """The project Specimens, beside the others."""
    server.seed("kinds")


def test_every_kind_of_finding_can_be_read(kinds: None, page: Page, problems: list[str]) -> None:
    page.goto("/findings/?project=specimens")
    links = [link.get_attribute("href") or "" for link in page.locator("tbody td:nth-child(2) a").all()]
    seen = {}
    for link in links:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(link)
        title = page.get_by_role("heading", level=1).inner_text()
        for chart in page.locator("[data-figure]").all():
            expect(chart.locator(".scatterlayer").first).to_be_attached()
        seen[title] = page.locator("main").inner_text()
        page.evaluate(AXE)
        assert violations(page) == [], title
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate(SIDEWAYS) <= 0, f"{title}: {page.evaluate(STICKING_OUT)}"
    problems.clear()  # what the checker itself provoked: it tries to evaluate text
    assert seen.keys() == KINDS.keys()
    for title, words in KINDS.items():
        for word in words:
            assert word in seen[title], f"{title}: {word}"
    page.goto("/?project=shop")
    expect(page.get_by_role("heading", level=1)).to_have_text("Fleet")
