"""The growth page: the steepest sites first, and one click to the graph, the callers and the comparison."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

GROWTH = "/services/feature-store/growth/"


def test_the_steepest_sites_with_slope_and_interval(page: Page) -> None:
    page.goto(GROWTH)
    card = page.locator(".growth-card").first
    expect(card).to_contain_text(re.compile(r"context\."))
    expect(card).to_contain_text(re.compile(r"\+[\d.]+ MiB/h"))
    expect(card).to_contain_text("95 %")
    expect(page.locator("#growth-chart .scatterlayer .trace").first).to_be_attached()


def test_one_click_to_the_sites_graph(page: Page) -> None:
    page.goto(GROWTH)
    name = page.locator(".growth-name").first
    function = name.get_attribute("title") or ""
    name.click()
    expect(page.locator("[data-flame-panel]")).to_have_class(re.compile("flame-ready"))
    expect(page.get_by_role("button", name="Remove: focus")).to_be_visible()
    expect(page.locator("[data-part=search]")).to_have_value(function)
    expect(page.locator("[data-part=found]")).to_contain_text("100.0 %")


def test_callers_and_before_after(page: Page) -> None:
    page.goto(GROWTH)
    card = page.locator(".growth-card").first
    card.get_by_role("link", name="callers").click()
    expect(page.locator("[data-part=sandwich]")).to_be_visible()
    page.go_back()
    page.locator(".growth-card").first.get_by_role("link", name="before/after").click()
    expect(page.locator("[data-change]")).to_contain_text("+")


def test_another_sample_type(page: Page) -> None:
    page.goto(GROWTH)
    page.locator("select[name=type]").select_option("inuse_objects")
    expect(page).to_have_url(re.compile("type=inuse_objects"))
    expect(page.locator(".growth-card").first).not_to_contain_text("MiB")


def test_without_the_chart_library_the_page_says_so_and_keeps_its_numbers(
    page: Page, problems: list[str]
) -> None:
    page.route("**/plotly*.js", lambda route: route.abort())
    page.goto(GROWTH)
    expect(page.locator("#growth-chart")).to_contain_text("did not load")
    expect(page.locator("#growth-chart")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".growth-card").first).to_contain_text("MiB/h")
    problems.clear()
