"""The panel in a real Chromium: pointing, zooming, searching, keys, menus, table, pictures, errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.flame.stage import Watch
from tests.browser.people import wait_until_still

CONSUME = "github.com/grab/async.Consume.func1"
RUN = "github.com/grab/async.(*task).Run"


def point_of(page: Page, function: str) -> tuple[float, float]:
    """Return the middle of the first frame of a function, in the page's pixels."""
    x, y = page.evaluate(
        """(name) => { const { view } = panel; const d = view.data;
             const i = d.name.findIndex((k) => d.names[k] === name); const b = view.box(i);
             const r = view.scroller.getBoundingClientRect();
             return [r.left + b.x + b.width / 2, r.top + b.y + 10]; }""",
        function,
    )
    return float(x), float(y)


def click(page: Page, function: str, button: str = "left") -> None:
    """Click the first frame of a function."""
    page.mouse.click(*point_of(page, function), button=button)  # type: ignore[arg-type]


def root_name(page: Page) -> str:
    """Return the function that has the full width."""
    name: str = page.evaluate("panel.view.data.label(panel.view.root)")
    return name


def test_it_draws_and_can_be_read(watch: Watch) -> None:
    page = watch.panel()
    colours = page.evaluate(
        """() => { const { base } = panel.view; const c = base.getContext('2d');
             const pixels = c.getImageData(0, 0, base.width, 120).data; const seen = new Set();
             for (let k = 0; k < pixels.length; k += 400) seen.add(pixels.slice(k, k + 3).join());
             return seen.size; }"""
    )
    assert colours > 4
    rows = page.locator("[data-part=table] tbody tr")
    assert rows.count() > 10
    expect(page.locator("[role=tree] [role=treeitem]").first).to_contain_text("total")
    assert watch.accessibility_errors() == []


def test_a_comparison_can_be_read(watch: Watch) -> None:
    page = watch.panel("diff=1")
    expect(page.locator("[data-part=legend]")).to_contain_text("more than before")
    expect(page.locator("[data-part=legend]")).to_contain_text("MiB")
    first = page.locator("[data-part=table] tbody tr").first
    assert first.locator("td").first.inner_text().startswith("+")
    assert watch.accessibility_errors() == []


def test_pointing_shows_the_numbers(watch: Watch) -> None:
    page = watch.panel()
    page.mouse.move(*point_of(page, CONSUME))
    tip = page.locator("[data-part=graph] .flame-tip")
    expect(tip).to_contain_text(CONSUME)
    expect(tip).to_contain_text("cumulative")
    link = page.locator("[data-part=status] a")
    assert "https://git.example.org/v7/" in (link.get_attribute("href") or "")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_zoom_path_back_and_a_shared_link(watch: Watch) -> None:
    page = watch.panel()
    click(page, CONSUME)
    assert root_name(page) == CONSUME
    expect(page.locator("[data-part=trail] [aria-current]")).to_have_text("async.Consume.func1")
    shared = page.url
    assert "zoom=" in shared
    page.go_back()
    page.wait_for_function("() => panel.view.root === 0")
    page.goto(shared)
    page.wait_for_function("() => window.loaded === true")
    assert root_name(page) == CONSUME
    page.locator("[data-part=trail] button").first.click()
    assert root_name(page) == "total"


def test_search_marks_counts_and_steps(watch: Watch) -> None:
    page = watch.panel()
    page.keyboard.press("/")
    page.keyboard.type("withcancel")
    found = page.locator("[data-part=found]")
    expect(found).to_contain_text("%")
    expect(page.locator("[data-part=table] tbody tr")).to_have_count(1)
    page.keyboard.press("Enter")
    first = page.evaluate("panel.view.cursor")
    page.keyboard.press("n")
    assert page.evaluate("panel.view.cursor") != first
    page.keyboard.press("N")
    assert page.evaluate("panel.view.cursor") == first
    assert "search=withcancel" in page.url
    page.locator("[data-part=search]").fill("/(/")
    expect(found).to_contain_text("not complete")
    page.locator("[data-part=search]").fill("/^context\\./")
    expect(found).to_contain_text("%")
    page.locator("[data-part=search]").press("Escape")
    expect(found).to_have_text("")


def test_everything_by_keyboard(watch: Watch) -> None:
    page = watch.panel()
    page.locator("[role=tree]").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("panel.view.data.level[panel.view.cursor]") == 1
    here = page.evaluate("panel.view.cursor")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("panel.view.cursor") != here
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("panel.view.cursor") == here
    page.keyboard.press("End")
    leaf = page.evaluate("panel.view.cursor")
    assert page.evaluate("(i) => panel.view.data.end[i]", leaf) == leaf + 1
    expect(page.locator("[role=treeitem]").first).to_contain_text("cumulative")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    zoomed = page.evaluate("panel.view.root")
    assert zoomed > 0
    page.keyboard.press("Backspace")
    assert page.evaluate("panel.view.root") == page.evaluate("(i) => panel.view.data.parent[i]", zoomed)
    page.keyboard.press("Escape")
    assert page.evaluate("panel.view.root") == 0


def test_the_menu_focuses_hides_and_undoes(watch: Watch) -> None:
    page = watch.panel()
    whole = page.evaluate("panel.tree.current[0]")
    click(page, CONSUME, "right")
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    menu.get_by_role("menuitem", name="Focus").click()
    assert 0 < page.evaluate("panel.tree.current[0]") < whole
    page.get_by_role("button", name="Remove: focus").click()
    assert page.evaluate("panel.tree.current[0]") == whole
    click(page, CONSUME, "right")
    menu.get_by_role("menuitem", name="Hide").click()
    assert page.evaluate("panel.tree.current[0]") == whole
    assert page.evaluate("(n) => panel.tree.name.every((k) => panel.tree.names[k] !== n)", CONSUME)
    page.get_by_role("button", name="Reset").click()
    click(page, CONSUME, "right")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)


def test_callers_and_callees(watch: Watch) -> None:
    page = watch.panel(f"sandwich={RUN}")
    expect(page.locator("[data-part=sandwichName]")).to_have_text(RUN)
    totals = page.evaluate("[panel.callersView.data.current[0], panel.calleesView.data.current[0]]")
    row = page.evaluate(
        """(n) => { const d = panel.tree; let sum = 0; let skip = 0;
             for (let i = 0; i < d.nodes; i += 1) {
               if (i >= skip && d.label(i) === n) { sum += d.current[i]; skip = d.end[i]; } }
             return sum; }""",
        RUN,
    )
    assert totals == [row, row]
    page.keyboard.press("Escape")
    expect(page.locator("[data-part=sandwich]")).to_be_hidden()
    assert "sandwich" not in page.url


def test_the_table_sorts_and_follows_the_keys(watch: Watch) -> None:
    page = watch.panel()
    flat = page.get_by_role("button", name="Flat")
    flat.click()
    expect(page.locator("th", has=flat)).to_have_attribute("aria-sort", "descending")
    expect(flat).to_be_focused()
    rows = page.locator("[data-part=table] tbody tr")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=sandwich]")).to_be_visible()
    assert "sort=-flat" in page.url


def test_direction_views_and_recursion(watch: Watch) -> None:
    page = watch.panel("trace=py-module-list")
    before = page.evaluate("panel.view.box(0).y")
    page.get_by_role("button", name="Root at the bottom").click()
    assert page.evaluate("panel.view.box(0).y") > before
    page.get_by_role("button", name="Table", exact=True).click()
    expect(page.locator("[data-part=graph]")).to_be_hidden()
    page.get_by_role("button", name="Graph", exact=True).click()
    expect(page.locator("[data-part=table]")).to_be_hidden()
    nodes, whole = page.evaluate("[panel.tree.nodes, panel.tree.current[0]]")
    page.get_by_role("button", name="Collapse recursion").click()
    after = page.evaluate("[panel.tree.nodes, panel.tree.current[0]]")
    assert after[0] <= nodes
    assert after[1] == whole
    assert all(part in page.url for part in ("dir=flame", "view=graph", "collapse=1"))


@pytest.mark.parametrize(("kind", "magic"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("folded", b"")])
def test_pictures_and_stacks_to_take_away(watch: Watch, kind: str, magic: bytes) -> None:
    page = watch.panel()
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.locator(f"[data-export={kind}]").click()
    body = Path(download.value.path()).read_bytes()
    assert body.startswith(magic)
    assert download.value.suggested_filename.startswith("shop-inuse_space")
    if kind == "folded":
        total = sum(int(line.rpartition(" ")[2]) for line in body.decode().splitlines())
        assert total == page.evaluate("panel.tree.current[0]")


def test_it_follows_the_window_and_the_theme(watch: Watch) -> None:
    page = watch.panel()
    page.set_viewport_size({"width": 700, "height": 700})
    page.wait_for_function(
        "() => panel.view.width < 700 && panel.view.base.width === Math.round(panel.view.width * panel.view.ratio)"
    )
    ground = (
        "panel.view.context.getImageData(panel.view.base.width - 3, panel.view.base.height - 3, 1, 1).data[0]"
    )
    assert page.evaluate(ground) > 200
    page.evaluate(
        """() => { document.documentElement.dataset.theme = 'dark';
             document.dispatchEvent(new CustomEvent('themechange')); }"""
    )
    assert page.evaluate(ground) < 60
    assert watch.accessibility_errors() == []


def test_an_error_says_what_to_do_and_can_be_retried(watch: Watch) -> None:
    page = watch.page
    page.goto(f"{watch.base}/panel?trace=broken")
    box = page.locator("[data-part=load]")
    expect(box).to_contain_text("Choose a shorter range.")
    page.evaluate("history.replaceState(null, '', '?trace=context-leak')")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_function("() => window.loaded === true")
    expect(box).to_be_hidden()
    assert [text for text in watch.complaints if "413" not in text] == []
    watch.complaints.clear()


def test_a_long_load_shows_progress_and_can_be_cancelled(watch: Watch) -> None:
    page = watch.page
    page.goto(f"{watch.base}/panel?trace=slow")
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-part=load]")).to_contain_text("Cancelled")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_nothing_moves_when_the_data_arrives(watch: Watch) -> None:
    watch.page.add_init_script(
        """window.shifts = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => {
             if (!e.hadRecentInput) window.shifts += e.value; })).observe({ type: 'layout-shift', buffered: true });"""
    )
    page = watch.panel("diff=1")
    wait_until_still(page)
    assert page.evaluate("window.shifts") < 0.02
