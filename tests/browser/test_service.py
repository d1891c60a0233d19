"""The service page: drag-select, the address, other sessions, zones, themes, keys."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.people import drag_over, log_in, wait_for_pictures, wait_until, wait_until_still
from tests.browser.server import RunningServer

PATH = "/services/geocoder/"


WALL_CLOCK = """id => document.getElementById(id)._fullLayout.xaxis.range
    .map((end) => (typeof end === 'number' ? end : Date.parse(`${end.replace(' ', 'T')}Z`)) / 1000)"""
LINE_COLOUR = "() => document.querySelector('#timeline .scatterlayer .js-line').style.stroke"
SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: 'layout-shift', buffered: true });"""


def span(page: Page) -> tuple[float, float]:
    query = parse_qs(urlparse(page.url).query)
    return float(query["from"][0]), float(query["to"][0])


def axis(page: Page, chart: str) -> list[float]:
    return [float(end) for end in page.evaluate(WALL_CLOCK, chart)]


def wait_for_width(page: Page, seconds: float) -> None:
    """Wait until the time axis spans more than so many seconds."""
    wait_until(
        page,
        f"(least) => {{ const ends = ({WALL_CLOCK})('timeline'); return ends[1] - ends[0] > least; }}",
        seconds,
    )


def test_a_dragged_range_leads_every_picture_and_the_back_button_takes_it_back(page: Page) -> None:
    page.goto(PATH)
    wait_for_pictures(page)
    whole = axis(page, "timeline")
    drag_over(page, "#timeline .nsewdrag >> nth=1", start=0.4, end=0.6)
    page.wait_for_url(re.compile(r"from=\d+&to=\d+"))
    chosen = axis(page, "timeline")
    assert chosen[1] - chosen[0] < 0.3 * (whole[1] - whole[0])
    assert abs(axis(page, "waterfall")[0] - chosen[0]) < 60
    view_box = page.locator("#instances svg").first.get_attribute("viewBox")
    assert view_box != "0 0 240 48"
    start, end = span(page)
    assert f"from={start:.0f}&to={end:.0f}" in str(
        page.locator(".tabs").get_by_role("link", name="Flame graph").get_attribute("href")
    )
    page.go_back()
    wait_for_width(page, 0.9 * (whole[1] - whole[0]))


def test_a_shared_link_shows_the_same_in_a_fresh_session(
    page: Page, browser: Browser, server: RunningServer
) -> None:
    page.goto(PATH)
    wait_for_pictures(page)
    drag_over(page, "#timeline .nsewdrag >> nth=1", start=0.3, end=0.7)
    page.wait_for_url(re.compile(r"from=\d+&to=\d+"))
    chosen, link = axis(page, "timeline"), page.url
    other = browser.new_context(base_url=server.url, timezone_id="Europe/Berlin").new_page()
    other.goto(link)
    expect(other.get_by_role("heading", level=1)).to_have_text("Log in")
    other.get_by_label("User name").fill("mara")
    other.get_by_label("Password").fill("load-line-1876")
    other.get_by_role("button", name="Log in").click()
    wait_for_pictures(other)
    assert abs(axis(other, "timeline")[0] - chosen[0]) < 2
    assert abs(axis(other, "timeline")[1] - chosen[1]) < 2
    other.context.close()


def test_the_zone_switch_moves_the_wall_clock_and_not_the_range(page: Page) -> None:
    page.goto(PATH + "?last=6h")
    wait_for_pictures(page)
    local = axis(page, "timeline")
    page.get_by_role("button", name="Time zone: Local").click()
    expect(page.get_by_role("button", name="Time zone: UTC")).to_be_visible()
    wait_for_pictures(page)
    utc = axis(page, "timeline")
    assert 3500 < local[1] - utc[1] < 7300


def test_the_theme_switch_redraws_the_charts_and_is_kept(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(PATH)
    wait_for_pictures(page)
    before = page.evaluate(LINE_COLOUR)
    page.get_by_role("button", name="Switch between light and dark").click()
    wait_until(page, f"(old) => ({LINE_COLOUR})() !== old", before)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_keys_move_and_zoom(page: Page) -> None:
    page.goto(PATH + "?last=1h")
    wait_for_pictures(page)
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_url(re.compile(r"from=\d+"))
    first = span(page)
    page.keyboard.press("-")
    wait_for_width(page, 1.5 * (first[1] - first[0]))


def test_the_keys_are_listed(page: Page) -> None:
    page.goto(PATH)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("zoom in, out")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_a_further_series_is_added_and_kept_in_the_address(page: Page) -> None:
    page.goto(PATH)
    wait_for_pictures(page)
    page.get_by_text("Further series").click()
    page.get_by_role("checkbox", name="goroutines").check()
    page.get_by_role("button", name="Show them").click()
    page.wait_for_url(re.compile("series=goroutines"))
    wait_for_pictures(page)
    names = page.evaluate("document.getElementById('timeline').data.map((trace) => trace.name)")
    assert "goroutines" in names


def test_hovering_the_layers_explains_a_moment(page: Page) -> None:
    page.goto(PATH)
    wait_for_pictures(page)
    before = page.locator("#waterfall-moment").inner_text()
    page.locator("#waterfall").hover(position={"x": 150, "y": 120})
    wait_until(page, "(old) => document.getElementById('waterfall-moment').textContent !== old", before)
    expect(page.locator("#layers")).to_contain_text("Live heap")


def test_nothing_moves_when_the_pictures_arrive(page: Page) -> None:
    page.add_init_script(SHIFTS)
    page.goto(PATH)
    wait_for_pictures(page)
    wait_until_still(page)
    assert page.evaluate("window.shift") <= 0.02


def test_a_server_that_fails_is_said_on_the_page(page: Page, problems: list[str]) -> None:
    page.route("**/pictures/**", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(PATH)
    expect(page.locator("#pictures-failed")).to_contain_text("The server answered 503")
    page.unroute("**/pictures/**")
    page.get_by_role("button", name="Try again").click()
    wait_for_pictures(page)
    expect(page.locator("#pictures-load")).to_be_hidden()
    problems.clear()


def test_what_takes_long_says_so_and_can_be_cancelled(page: Page) -> None:
    held: list[Route] = []
    page.route("**/pictures/**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks the function
    page.goto(PATH)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#pictures-failed")).to_contain_text("Cancelled")
    expect(page.locator("#timeline")).to_have_attribute("aria-busy", "false")
    assert len(held) == 1
    page.unroute_all(behavior="ignoreErrors")


def test_a_copied_link_names_all_that_is_shown(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(PATH)
    wait_for_pictures(page)
    page.locator("header").get_by_role("button", name="Copy link", exact=True).click()
    expect(page.locator("#announce")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    asked = parse_qs(urlparse(link).query)
    assert (asked["project"], asked["tz"]) == (["shop"], ["Europe/Berlin"])
    assert float(asked["from"][0]) < float(asked["to"][0])


def test_the_layers_of_a_moment_by_keyboard(page: Page) -> None:
    page.goto(PATH)
    wait_for_pictures(page)
    before = page.locator("#waterfall-moment").inner_text()
    page.get_by_role("slider", name="Moment").press("ArrowLeft")
    expect(page.locator("#waterfall-moment")).not_to_have_text(before)
    page.locator("#layers tbody tr").last.focus()
    expect(page.locator("#layer-explained")).to_contain_text("Live heap:")


def test_without_javascript_the_tables_are_there(browser: Browser, server: RunningServer) -> None:
    context: BrowserContext = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    log_in(page)
    page.goto(PATH)
    page.get_by_role("link", name="The same as a table").click()
    expect(page.get_by_role("columnheader", name="rss_bytes")).to_be_visible()
    expect(page.get_by_text("Restart").first).to_be_visible()
    context.close()
