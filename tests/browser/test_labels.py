"""The filter by label on the flame, comparison and growth pages: suggested, shared by address, removable."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.server import RunningServer

SERVICE = "/services/geocoder"
READY = re.compile("flame-ready")


def add_label(page: Page, text: str, *, name: str = "label") -> None:
    """Type a label into a filter and confirm it."""
    field = page.locator(f"[data-labels={name}] input[list]")
    field.fill("")
    field.press_sequentially(text)
    field.press("Enter")


def test_a_label_narrows_the_graph_and_is_in_the_address(page: Page) -> None:
    page.goto(f"{SERVICE}/flame/")
    expect(page.locator("[data-flame-panel]")).to_have_class(READY)
    whole = page.locator("[data-meta]").inner_text()
    page.locator("[data-labels=label] input[list]").focus()
    expect(page.locator('#labels-known option[value="region=us"]')).to_be_attached()
    add_label(page, "region=us")
    expect(page.locator("[data-meta]")).not_to_have_text(whole)
    expect(page).to_have_url(re.compile(r"label\.region=us"))
    narrowed = page.locator("[data-meta]").inner_text()
    page.reload()
    expect(page.locator("[data-meta]")).to_have_text(narrowed)
    expect(page.get_by_role("link", name="Compare")).to_have_attribute(
        "href", re.compile(r"label\.region=us")
    )
    page.get_by_role("button", name="Remove the label region=us").click()
    expect(page.locator("[data-meta]")).to_have_text(whole)
    page.go_back()
    expect(page.locator("[data-meta]")).to_have_text(narrowed)


def test_what_is_no_label_is_explained(page: Page) -> None:
    page.goto(f"{SERVICE}/flame/")
    add_label(page, "region")
    field = page.locator("[data-labels=label] input[list]")
    assert "key=value" in field.evaluate("(one) => one.validationMessage")
    assert "label." not in page.url


def test_two_labels_are_compared(page: Page) -> None:
    page.goto(f"{SERVICE}/compare/")
    expect(page.locator("[data-flame-panel]")).to_have_class(READY)
    add_label(page, "region=eu", name="base_label")
    expect(page).to_have_url(re.compile(r"base_label\.region=eu"))
    add_label(page, "region=us")
    expect(page).to_have_url(re.compile(r"[?&]label\.region=us"))
    expect(page.locator("[data-change]")).to_contain_text("iB")
    expect(page.locator("[data-part=load]")).to_be_hidden()


def test_growth_keeps_the_label_when_the_range_changes(page: Page) -> None:
    page.goto(f"{SERVICE}/growth/")
    add_label(page, "region=eu")
    expect(page).to_have_url(re.compile(r"label\.region=eu"))
    page.locator("select[name=type]").select_option("inuse_objects")
    expect(page).to_have_url(re.compile("type=inuse_objects"))
    expect(page).to_have_url(re.compile(r"label\.region=eu"))
    assert "label.region=eu" in (page.locator(".growth-name").first.get_attribute("href") or "")
    page.get_by_role("link", name="Remove the label region=eu").click()
    expect(page).not_to_have_url(re.compile("region"))


def test_labels_without_javascript(browser: Browser, server: RunningServer, page: Page) -> None:
    plain = browser.new_context(
        base_url=server.url, storage_state=page.context.storage_state(), java_script_enabled=False
    )
    read = plain.new_page()
    for name in ("flame", "growth", "compare"):
        read.goto(f"{SERVICE}/{name}/?label=region%3Dus")
        expect(read.locator("main")).to_contain_text("storeSession")
        expect(read.get_by_role("link", name="Remove the label region=us")).to_be_visible()
    read.goto(f"{SERVICE}/flame/?label.region=nowhere")
    expect(read.locator("main")).to_contain_text("Choose a longer range")
    read.get_by_role("link", name="Remove the label region=nowhere").click()
    expect(read.locator("main")).to_contain_text("storeSession")
    plain.close()
