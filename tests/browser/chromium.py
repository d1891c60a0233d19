"""Finds a Chromium for the browser tests, or gets one: an installed one, Playwright's own, or Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 600
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")  # fmt: skip


def find() -> str | None:
    """Return the path of an installed Chromium or of Playwright's own, or None."""
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        return named
    installed = next((path for path in map(shutil.which, NAMES) if path), None)
    return installed or _playwrights_own()


def install() -> str | None:
    """Try Playwright's download, then Debian's package; return what is found afterwards."""
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        attempts.append(["apt-get", "update", "-qq"])
        attempts.append(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
        )
    for command in attempts:
        print(f"no Chromium yet; trying: {' '.join(command)}", flush=True)
        try:
            subprocess.run(
                command,
                check=False,
                timeout=INSTALL_SECONDS,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"  that did not work: {error}")
        if find():
            break
    return find()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def main() -> int:
    """Say which Chromium serves; without one, fail in CI and warn elsewhere."""
    path = find() or install()
    if path:
        print(f"browser tests use {path}")
        return 0
    print(
        "No Chromium: the browser tests cannot run. Install one (apt-get install chromium) or set CHROMIUM_PATH."
    )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
