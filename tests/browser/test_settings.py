"""Settings and the way of the first sample, as a person walks it."""

from __future__ import annotations

import json
import re
import time
import urllib.request

from playwright.sync_api import Page, expect

from tests.browser.server import RunningServer
from tests.integration.alerts.mailbox import Mailbox


def send_point(server: RunningServer, token: str, service: str) -> None:
    now = time.time()
    body = {
        "instance": {"service": service, "key": "host:1:1", "started_at": now - 60, "release": "v1",
                     "language": "python", "labels": {}, "memory_limit_bytes": None, "agent": "plimsoll-python/0.1.0"},
        "points": {"ts": [now - 20, now - 10], "columns": {"rss_bytes": [1e8, 1.01e8], "requests": [20, 30]}},
        "markers": [],
    }  # fmt: skip
    request = urllib.request.Request(
        f"{server.url}/v1/points", json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def test_an_empty_project_leads_to_its_first_sample(page: Page, server: RunningServer) -> None:
    page.goto("/?project=zero")
    expect(page.get_by_role("heading", level=1)).to_have_text("Watch the first service")
    page.get_by_label("Name of the token").fill("production")
    page.get_by_role("button", name="Make a token").click()
    lines = page.locator("#snippet-python").inner_text()
    token = re.search(r"PLIMSOLL_TOKEN=(\S+)", lines)
    assert token is not None
    assert server.url in lines
    expect(page.get_by_text("Waiting for the first sample")).to_be_visible()
    send_point(server, token[1], "my-service")
    page.wait_for_url("**/services/my-service/")
    expect(page.get_by_role("heading", level=1)).to_have_text("my-service")
    page.goto("/?project=shop")


def test_a_test_alert_arrives(page: Page, mailbox: Mailbox) -> None:
    page.goto("/settings/?project=shop")
    page.get_by_label("Address").fill("oncall@example.org")
    page.locator("#alerts").get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The mail server took a test for oncall@example.org")).to_be_visible()
    assert any(message["To"] == "oncall@example.org" for message in mailbox.messages)
    page.locator("#alerts").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#alerts")).to_contain_text("oncall@example.org")


def test_the_filter_narrows_as_one_types_and_enter_opens(page: Page) -> None:
    page.goto("/?project=shop")
    page.keyboard.press("/")
    page.keyboard.type("geo")
    expect(page.locator("#fleet tbody tr:visible")).to_have_count(1)
    assert "q=geo" in page.url
    page.reload()
    expect(page.locator("#fleet tbody tr:visible")).to_have_count(1)
    page.locator("#fleet-filter").press("Escape")
    expect(page.locator("#fleet tbody tr:visible")).to_have_count(5)
    page.locator("#fleet-filter").fill("geo")
    page.keyboard.press("Enter")
    page.wait_for_url("**/services/geocoder/")


def test_sparklines_appear(page: Page) -> None:
    page.goto("/?project=shop")
    expect(page.locator("#fleet svg path.memory")).to_have_count(5)
