"""Takes the pictures of the page that the README and docs/page.md show.

python -m scripts.page_pictures http://127.0.0.1:8001 docs/images

The service should run on simulated traffic (`make demo`): pictures show invented people only.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import urlencode

import requests
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect, sync_playwright

SIZE: ViewportSize = {"width": 1280, "height": 800}
# Without a GPU the map is drawn by software, and its parts come one after another.
SETTLED_MS = 5_000


def main(url: str, target: str) -> None:
    """Open each view, and take its picture."""
    with sync_playwright() as playwright:
        browser = launched(playwright)

        def opened(**address: str) -> Page:
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{url}/?{urlencode(address, safe=':,')}")
            return page

        show = f"flight:{talkative(url)}"
        page = opened(show=show, at="50,10,5", mark="0:arrival=E*", look="dark")
        expect(page.locator(".map[data-ready=true]")).to_be_visible(timeout=60_000)
        take(page, Path(target) / "map.jpg")
        page = opened(view="system", look="light")
        expect(page.locator(".tree .node").first).to_be_visible()
        take(page, Path(target) / "system.jpg")
        browser.close()


def launched(playwright: Playwright) -> Browser:
    """The system's Chromium, without a window."""
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
        args=["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
        chromium_sandbox=False,
    )


def talkative(url: str) -> str:
    """Over Europe, the callsign of who talks to the most stations, and has flown the farthest."""
    asked = {"phase": "cruise,descent", "bbox": "0,45,18,54"}
    answer = requests.get(f"{url}/api/flights", params=asked, timeout=10)
    answer.raise_for_status()
    flights = answer.json()["flights"]
    best = max(flights, key=lambda one: (len(one["contacts"]), one["distance_flown_nm"]))
    return str(best["callsign"])


def take(page: Page, file: Path) -> None:
    """When all has settled."""
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=file, type="jpeg", quality=82)


if __name__ == "__main__":
    main(*sys.argv[1:])
