"""Measures the service page: 24 hours × 40 series on the server and in Chromium (`python -m benchmarks.service_page`).

Prints medians against the aims: server at most 100 ms, interactive at most 1 s on a cold cache, at most 150 KB beside
the chart library and the font, a dragged range redrawn within 100 ms.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks._forty_series_size import INSTANCES, INTERVAL, SECONDS, SERVICE
from benchmarks._requests import timed
from tests.browser import chromium
from tests.browser.people import drag_over, log_in, wait_for_pictures
from tests.browser.server import RunningServer, running_server

ROUNDS = 7
CACHED = ("plotly-basic", "inter-latin")


def measure(server: RunningServer, browser: Browser) -> dict[str, float]:
    """Return the medians in milliseconds and the bytes of one cold load."""
    page = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900}).new_page()
    log_in(page)
    state = page.context.storage_state()
    names = ("head_ms", "server_ms", "both_ms", "reference_ms", "cold_ms", "select_ms")
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        found["head_ms"].append(timed(page, f"/services/{SERVICE}/?last=24h"))
        found["server_ms"].append(timed(page, f"/services/{SERVICE}/pictures/?last=24h"))
        found["both_ms"].append(found["head_ms"][-1] + found["server_ms"][-1])
        found["reference_ms"].append(timed(page, "/waiting/?known="))
        cold = browser.new_context(
            base_url=server.url, storage_state=state, viewport={"width": 1440, "height": 900}
        )
        loaded, size = _cold_load(cold.new_page())
        found["cold_ms"].append(loaded)
        found.setdefault("bytes", []).append(size)
        cold.close()
    page.goto(f"/services/{SERVICE}/?last=24h")
    wait_for_pictures(page)
    for step in range(ROUNDS):
        drag_over(page, "#timeline .nsewdrag >> nth=1", start=0.2 + step / 100, end=0.8)
        page.wait_for_timeout(900)
    found["select_ms"] = page.evaluate(
        "performance.getEntriesByName('select').map((entry) => entry.duration)"
    )
    return {name: statistics.median(values) for name, values in found.items()}


def _cold_load(page: Page) -> tuple[float, float]:
    """Return milliseconds from the address to the drawn pictures, and the bytes beside the cached bundle."""
    page.goto(f"/services/{SERVICE}/?last=24h")
    wait_for_pictures(page)
    drawn = page.evaluate("performance.getEntriesByName('pictures-drawn')[0].startTime")
    entries: list[dict[str, Any]] = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map((one) => ({ name: one.name, size: one.transferSize }))"
    )
    return drawn, sum(one["size"] for one in entries if not any(name in one["name"] for name in CACHED))


def main() -> int:
    """Print the figures beside their aims."""
    path = chromium.find()
    if path is None:
        print("No Chromium: nothing was measured.")
        return 1
    with running_server("empty") as server, sync_playwright() as playwright:
        command = [sys.executable, "-m", "benchmarks._forty_series"]
        done = subprocess.run(
            command, env=server.environment, check=True, timeout=300, capture_output=True, text=True
        )
        processor_ms = float(done.stdout.split()[-1])
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        figures = measure(server, browser)
        browser.close()
    size = f"{SECONDS // 3600} h × 40 series ({INSTANCES} instances, a point every {INTERVAL} s)"
    print(f"service page, {size}, medians of {ROUNDS}")
    print(f"  server, page and pictures  {figures['both_ms']:7.0f} ms   (aim 100)")
    print(f"  of it the pictures         {figures['server_ms']:7.0f} ms")
    print(
        f"  of those processor time    {processor_ms:7.0f} ms   (in one process, not counting PostgreSQL's)"
    )
    print(f"  server, an empty answer    {figures['reference_ms']:7.0f} ms   (reference, same run)")
    print(f"  drawn on a cold cache      {figures['cold_ms']:7.0f} ms   (aim 1,000)")
    print(f"  transfer beside the bundle {figures['bytes'] / 1024:7.0f} KiB  (aim 150 KB)")
    print(f"  dragged range redrawn      {figures['select_ms']:7.0f} ms   (aim 100)")
    print(f"  machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
