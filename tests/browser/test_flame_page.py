"""The flame graph page of a recorded service: range, snapshot, type, links, a dropped file, no JavaScript."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import wait_until_still
from tests.browser.server import RunningServer

FLAME = "/services/feature-store/flame/"
TRACES = Path(__file__).resolve().parents[2] / "examples" / "traces"


def open_graph(page: Page, path: str = FLAME) -> None:
    """Open the page and wait for the graph and its timeline."""
    page.goto(path)
    expect(page.locator("[data-flame-panel]")).to_have_class(re.compile("flame-ready"))
    expect(page.locator(".timeline-line").first).to_be_attached()


def values(page: Page) -> str:
    """Return the first row of the table as text."""
    return page.locator("[data-part=table] tbody tr").first.inner_text()


def test_graph_timeline_table_and_growth(page: Page) -> None:
    open_graph(page)
    expect(page.locator("[data-meta]")).to_contain_text("in all")
    expect(page.locator(".timeline-snapshot").first).to_be_attached()
    expect(page.locator("[data-part=table]")).to_contain_text("async.(*task).Run")
    expect(page.locator("[data-part=table] td.grows").first).to_contain_text("/h")


def test_a_snapshot_from_the_timeline_and_back(page: Page) -> None:
    open_graph(page)
    whole = page.locator("[data-meta]").inner_text()
    page.locator(".timeline-snapshot").last.click()
    expect(page.locator("[data-meta]")).not_to_have_text(whole)
    assert "snapshot=" in page.url
    expect(page.locator("select[name=snapshot]")).not_to_have_value("")
    page.go_back()
    expect(page.locator("[data-meta]")).to_have_text(whole)


def test_type_and_granularity_without_a_reload(page: Page) -> None:
    open_graph(page)
    page.evaluate("() => { window.same = true; }")
    page.locator("select[name=type]").select_option("inuse_objects")
    expect(page.locator("[data-meta]")).to_contain_text("objects")
    page.locator("select[name=granularity]").select_option("package")
    expect(page.locator("[data-part=table]")).to_contain_text("context")
    expect(page.locator("[data-part=table]")).not_to_contain_text("WithCancel")
    assert page.evaluate("() => window.same")
    assert "type=inuse_objects" in page.url
    assert "granularity=package" in page.url


def test_the_range_is_dragged_and_moved_by_keys(page: Page) -> None:
    open_graph(page)
    before = page.locator("[data-meta]").inner_text()
    handle = page.locator("[data-handle=shown-from]")
    handle.focus()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("[data-meta]")).not_to_have_text(before)
    assert "from=" in page.url
    by_keys = page.locator("[data-meta]").inner_text()
    box = page.locator("[data-handle=shown-from]").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 20, steps=4)
    page.mouse.up()
    expect(page.locator("[data-meta]")).not_to_have_text(by_keys)


def test_a_shared_link_shows_the_same(page: Page, browser: Browser, server: RunningServer) -> None:
    open_graph(page, f"{FLAME}?search=WithCancel&dir=flame&view=both&sort=-flat&type=alloc_space")
    assert "type=alloc_space" in page.url
    found = page.locator("[data-part=found]").inner_text()
    first = values(page)
    state = page.context.storage_state()
    fresh = browser.new_context(base_url=server.url, storage_state=state, color_scheme="dark")
    other = fresh.new_page()
    open_graph(other, page.url)
    assert other.locator("[data-part=found]").inner_text() == found
    assert values(other).split("\n")[0] == first.split("\n")[0]
    expect(other.locator("[data-part=flip]")).to_have_text("Root on top")
    fresh.close()


def test_a_file_is_opened_and_left_again(page: Page) -> None:
    open_graph(page)
    stored = page.locator("[data-meta]").inner_text()
    file = next((TRACES / "py-module-list" / "profiles").glob("*/*.pb.gz"))
    page.locator("[data-open-file]").set_input_files(file)
    expect(page.locator("[data-file-banner]")).to_contain_text(file.name)
    expect(page.locator("[data-part=table]")).to_contain_text(".py")
    page.get_by_role("button", name="Back to feature-store").click()
    expect(page.locator("[data-meta]")).to_have_text(stored)


def test_a_file_dropped_on_the_page(page: Page, problems: list[str]) -> None:
    open_graph(page)
    page.evaluate(
        """() => { const data = new DataTransfer(); data.items.add(new File(['no profile'], 'notes.txt'));
             const how = { dataTransfer: data, bubbles: true, cancelable: true };
             for (const type of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, how)); }"""
    )
    expect(page.locator("[data-part=load]")).to_be_visible()
    expect(page.locator("[data-part=loadText]")).to_contain_text("notes.txt cannot be shown")
    expect(page.locator("[data-file-banner]")).to_be_hidden()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator("[data-part=load]")).to_be_hidden()
    problems.clear()


def test_a_snapshot_that_is_gone_leads_to_the_range(page: Page, problems: list[str]) -> None:
    page.goto(f"{FLAME}?snapshot=12345-1700000000")
    expect(page.locator("[data-part=loadText]")).to_contain_text("This snapshot is not stored")
    page.get_by_role("button", name="Show the whole range").click()
    expect(page.locator("[data-part=load]")).to_be_hidden()
    expect(page.locator("[data-part=legend]")).to_contain_text("github.com/grab/async")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("callers and callees")
    problems.clear()


def test_a_service_with_an_open_address_but_nothing_in_range(page: Page) -> None:
    page.goto(f"{FLAME}?from=1000000&to=1003600")
    expect(page.locator("[data-part=empty]")).to_contain_text("Choose a longer range")


def test_a_range_that_cannot_be_read(page: Page, problems: list[str]) -> None:
    answer = page.goto(f"{FLAME}?from=yesterday")
    assert answer is not None
    assert answer.status == 422
    expect(page.locator("main")).to_contain_text("Times are unix seconds")
    problems.clear()


def test_tables_without_javascript(browser: Browser, server: RunningServer, page: Page) -> None:
    plain = browser.new_context(
        base_url=server.url, storage_state=page.context.storage_state(), java_script_enabled=False
    )
    read = plain.new_page()
    for path in (FLAME, "/services/feature-store/compare/", "/services/feature-store/growth/"):
        read.goto(path)
        expect(read.locator("main")).to_contain_text("WithCancel")
        expect(read.locator("main")).to_contain_text("MiB")
    plain.close()


@pytest.mark.parametrize("width", [1440, 1024, 390])
@pytest.mark.parametrize("name", ["flame", "compare", "growth"])
def test_nothing_sticks_out_sideways(page: Page, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"/services/feature-store/{name}/")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["flame", "compare", "growth"])
def test_axe_finds_no_error(page: Page, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"/services/feature-store/{name}/")
    page.wait_for_load_state("networkidle")
    page.evaluate(next((Path(__file__).parent / "vendor").glob("axe-*.min.js")).read_text())
    found = page.evaluate(
        """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
             .map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(' | ')}`)"""
    )
    assert found == []


def test_the_other_pages_are_led_to_the_same_range(page: Page) -> None:
    open_graph(page, f"{FLAME}?type=inuse_objects")
    page.locator("[data-handle=shown-from]").focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    expect(page).to_have_url(re.compile("from="))
    wait_until_still(page)
    begin = re.search(r"from=(\d+)", page.url)
    assert begin
    link = page.get_by_role("link", name="Growth").get_attribute("href") or ""
    assert f"from={begin[1]}" in link
    assert "type=inuse_objects" in link


def test_a_profile_dropped_on_the_page_is_shown_and_not_stored(page: Page) -> None:
    open_graph(page)
    file = next((TRACES / "py-module-list" / "profiles").glob("*/*.pb.gz"))
    page.evaluate(
        """(text) => { const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
             const data = new DataTransfer(); data.items.add(new File([bytes], 'heap.pb.gz'));
             const how = { dataTransfer: data, bubbles: true, cancelable: true };
             for (const type of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, how)); }""",
        base64.b64encode(file.read_bytes()).decode(),
    )
    expect(page.locator("[data-file-banner]")).to_contain_text("heap.pb.gz")
    expect(page.locator("[data-part=table]")).to_contain_text(".py")
    page.reload()
    expect(page.locator("[data-part=table]")).to_contain_text("async.(*task).Run")
    expect(page.locator("[data-file-banner]")).to_be_hidden()
