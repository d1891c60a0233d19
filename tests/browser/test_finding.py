"""From the fleet to the line of code in three clicks; resolve and regress."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.server import RunningServer


def test_three_clicks_lead_from_something_is_wrong_to_the_line(page: Page) -> None:
    page.goto("/")
    page.locator("tr", has_text="geocoder").get_by_role("link", name="Heap leak").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Heap leak in geocoder")
    expect(page.locator(".suspects")).to_contain_text("main.storeSession")
    expect(page.locator(".suspects")).to_contain_text("main.go:22")
    page.get_by_role("link", name="Open the comparison").click()
    page.wait_for_url(re.compile("/services/geocoder/compare/.*base_from="))


def test_the_floor_and_the_forecast_are_drawn_and_said_as_a_table(page: Page) -> None:
    page.goto("/findings/")
    page.get_by_role("link", name="geocoder").click()
    page.wait_for_selector("#floor-chart .scatterlayer .js-line")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("columnheader", name="Fitted")).to_be_visible()


def test_resolved_then_regressed(page: Page, server: RunningServer) -> None:
    page.goto("/findings/")
    page.get_by_role("link", name="recommendations").click()
    page.get_by_placeholder("What did you see").fill("Bounded the cache, rolled out.")
    page.get_by_role("button", name="Comment").click()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("with mara")).to_be_visible()
    page.locator("summary", has_text="Snooze").click()
    page.get_by_label("a day has passed").check()
    page.locator("form", has_text="a day has passed").get_by_role("button", name="Snooze").click()
    expect(page.locator(".page-head .badge").first).to_have_text("Snoozed")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".page-head .badge").first).to_have_text("Resolved")
    server.seed("regress")
    page.goto("/findings/")
    row = page.locator("tr", has_text="recommendations").first
    expect(row).to_contain_text("Open")
