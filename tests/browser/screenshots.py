"""`make screenshots`: takes the pictures of every page into docs/screenshots/, from a server with recorded services."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser import chromium
from tests.browser.people import log_in, wait_for_pictures
from tests.browser.server import running_server

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
SIZE = {"width": 1440, "height": 900}
FLAME_SETTLES_MS = 1500
COLOURS = 128


def main() -> int:
    """Start a server, take the pictures in light and dark, and say where they are."""
    path = chromium.find()
    if path is None:
        print("No Chromium: apt-get install chromium, or set CHROMIUM_PATH.")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_server("all") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        for scheme in ("light", "dark"):
            context = browser.new_context(
                base_url=server.url, viewport=SIZE, color_scheme=scheme, timezone_id="UTC"  # type: ignore[arg-type]
            )  # fmt: skip
            page = context.new_page()
            log_in(page)
            take_all(page, "" if scheme == "light" else "-dark")
            context.close()
        browser.close()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}")
    return 0


def take_all(page: Page, suffix: str) -> None:
    """Take every page once."""
    page.goto("/")
    page.wait_for_load_state("networkidle")
    shoot(page, f"fleet{suffix}")
    page.goto("/services/feature-store/")
    wait_for_pictures(page)
    shoot(page, f"service{suffix}")
    for name in ("flame", "compare", "growth"):
        page.goto(f"/services/feature-store/{name}/")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(FLAME_SETTLES_MS)
        shoot(page, f"{name}{suffix}")
    page.goto("/findings/")
    page.get_by_role("link", name="geocoder").first.click()
    page.wait_for_selector("#floor-chart .scatterlayer")
    shoot(page, f"finding{suffix}")
    page.goto("/settings/")
    shoot(page, f"settings{suffix}")
    page.goto("/install/")
    shoot(page, f"install{suffix}")


def shoot(page: Page, name: str) -> None:
    """Write one picture of what the window shows, in `COLOURS` colours to keep it small."""
    page.wait_for_timeout(200)
    picture = Image.open(BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
