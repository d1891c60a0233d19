"""The comparison page: growth first, swap, presets, normalising, both selections in hand."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.people import wait_until_still

COMPARE = "/services/feature-store/compare/"
RATIO = re.compile("multiplied by")


def open_comparison(page: Page, path: str = COMPARE) -> None:
    """Open the page and wait for its graph and timeline."""
    page.goto(path)
    expect(page.locator("[data-flame-panel]")).to_have_class(re.compile("flame-ready"))
    expect(page.locator(".timeline-line").first).to_be_attached()
    expect(page.locator("[data-change]")).to_contain_text("iB")


def test_what_grew_comes_first(page: Page) -> None:
    open_comparison(page)
    first = page.locator("[data-part=table] tbody tr").first
    expect(first).to_contain_text(re.compile(r"context\.|async\."))
    expect(first.locator("td.grows").first).to_contain_text("+")
    expect(page.locator("[data-part=legend]")).to_contain_text("more than before")
    assert page.locator("[data-change]").inner_text().startswith("+")


def test_swap_turns_growth_into_its_opposite(page: Page) -> None:
    open_comparison(page)
    before, now = (page.locator(f"[data-{side}]").inner_text() for side in ("before", "now"))
    page.get_by_role("button", name="Swap").click()
    expect(page.locator("[data-before]")).to_have_text(now)
    expect(page.locator("[data-now]")).to_have_text(before)
    assert page.locator("[data-change]").inner_text().startswith("−")
    page.go_back()
    expect(page.locator("[data-now]")).to_have_text(now)


def test_normalised_by_total_nothing_is_left_at_the_root(page: Page) -> None:
    open_comparison(page)
    page.locator("select[name=normalise]").select_option("total")
    expect(page.locator("[data-scale-note]")).to_have_text(RATIO)
    expect(page.locator("[data-change]")).to_have_text(re.compile(r"^[−+]?0 B"))
    page.locator("select[name=normalise]").select_option("load")
    expect(page.locator("[data-change]")).not_to_have_text(re.compile(r"^[−+]?0 B"))
    assert "normalise=load" in page.url


def test_presets_move_the_baseline(page: Page) -> None:
    open_comparison(page)
    before = page.locator("[data-before]").inner_text()
    page.get_by_role("button", name="1 hour earlier").click()
    expect(page.locator("[data-before]")).not_to_have_text(before)
    assert "base_from=" in page.url


def test_a_release_brings_its_own_range_where_it_did_not_run(page: Page) -> None:
    open_comparison(page)
    page.get_by_role("button", name="1 week earlier").click()
    expect(page.locator("[data-before]")).to_have_text("0 B")
    page.locator("select[name=base_release]").select_option("v1")
    expect(page.locator("[data-before]")).to_contain_text("MiB")
    assert "base_release=v1" in page.url


def test_an_open_finding_offers_its_own_baseline(page: Page) -> None:
    open_comparison(page, "/services/geocoder/compare/")
    page.get_by_role("link", name=re.compile("before the finding")).click()
    expect(page).to_have_url(re.compile("base_from="))
    expect(page.locator("[data-flame-panel]")).to_have_class(re.compile("flame-ready"))
    expect(page.locator("[data-part=table] td.grows").first).to_be_visible()


def test_two_snapshots(page: Page) -> None:
    open_comparison(page)
    for name, index in (("base_snapshot", 9), ("snapshot", 1)):
        choice = page.locator(f"select[name={name}]")
        expect(choice.locator("option").nth(10)).to_be_attached()
        with page.expect_response("**/diff?*"):
            choice.select_option(index=index)
        expect(choice).not_to_have_value("")
    shared = page.url
    assert "base_snapshot=" in shared
    expect(page.locator("[data-part=load]")).to_be_hidden()
    wait_until_still(page)
    numbers = page.locator(".flame-sum").inner_text()
    page.goto(shared)
    expect(page.locator(".flame-sum")).to_have_text(re.compile(re.escape(numbers.split("\n")[1])))


def test_both_selections_can_be_dragged(page: Page) -> None:
    open_comparison(page)
    for key, shown in (("base", "before"), ("current", "now")):
        text = page.locator(f"[data-{shown}]").inner_text()
        box = page.locator(f"[data-band={key}]").bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + (90 if key == "base" else -90), y, steps=4)
        page.mouse.up()
        expect(page.locator(f"[data-{shown}]")).not_to_have_text(text)
