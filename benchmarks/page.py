"""Benchmark: the page in a real browser, on a network of 10,000 pilots.

    python -m benchmarks.page [--pilots N] [--frames N] [--seed N]

Measured in headless Chromium, which draws WebGL by software in a process of its own:

- time of the main thread for a frame of the map while it is dragged, with all aircraft in sight,
  and with none (a mark that nobody fulfils, "only these"): the floor. It is the time within the
  callbacks of `requestAnimationFrame`, in which the map and its aircraft are drawn, and beside it
  all that the main thread does for a frame, by the browser's own count;
- the first frame of the map after the page was asked for;
- on a slow phone (9 Mbit/s, 170 ms latency, the processor at a quarter of its speed): the first
  frame, and from the last key of a search to what it finds, from a click on "Lists" to the list,
  and from a filter to what it leaves.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, expect, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.wire_reads import HOST, free_port, process, service
from scripts.page_pictures import launched

SIZE: ViewportSize = {"width": 1280, "height": 800}
PATIENCE_MS = 120_000
# A fast 3G network, and a phone of the middle class, as Lighthouse has them.
SLOW = {
    "offline": False,
    "latency": 170,
    "downloadThroughput": 9e6 / 8,
    "uploadThroughput": 9e6 / 8,
}
SLOWER = 4
NOBODY = "mark=0:callsign=NOBODY&only"
# Sums up what the callbacks of frames take, once it is told to.
COUNT = """
const ask = window.requestAnimationFrame.bind(window);
window.frames_ms = [];
let at = 0;
window.requestAnimationFrame = (callback) => ask((time) => {
  const start = performance.now();
  try { callback(time); } finally {
    const took = performance.now() - start;
    if (time === at) window.frames_ms[window.frames_ms.length - 1] += took;
    else window.frames_ms.push(took);
    at = time;
  }
});
"""


@dataclass(frozen=True, slots=True)
class Frames:
    """Milliseconds of the main thread."""

    drawn: list[float]
    """Within the callbacks of each frame."""
    busy: float
    """All that it did, for each frame."""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pilots", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    table = Table("", "ms")
    with served(options.pilots, options.seed) as url, sync_playwright() as playwright:
        browser = launched(playwright)
        expect.set_options(timeout=PATIENCE_MS)
        floor = frames(browser, f"{url}/?{NOBODY}", options.frames)
        full = frames(browser, f"{url}/", options.frames)
        for name, found in ("no aircraft", floor), (f"{options.pilots:,} aircraft", full):
            slowest = statistics.quantiles(found.drawn, n=20)[-1]
            table.add_row(f"a frame with {name}, median", f"{statistics.median(found.drawn):.1f}")
            table.add_row(f"a frame with {name}, 95 of 100", f"{slowest:.1f}")
            table.add_row(f"all of the main thread for it, {name}", f"{found.busy:.1f}")
        ratio = statistics.median(full.drawn) / statistics.median(floor.drawn)
        table.add_row("ratio of the medians", f"{ratio:.2f}")
        table.add_row("first frame", f"{first_frame(opened(browser, f'{url}/')):,}")
        for name, took in slowly(browser, url):
            table.add_row(f"on a slow phone: {name}", f"{took:,.0f}")
        browser.close()
    Console(file=sys.stdout, width=100).print(table)


@contextmanager
def served(pilots: int, seed: int) -> Iterator[str]:
    """The address of a service with a simulated network."""
    feed = free_port()
    simulator = ["-m", "vatwatch", "simulate", f"--port={feed}", f"--pilots={pilots}",
                 f"--seed={seed}"]  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="page-") as directory,
        process(simulator, {}),
        service(feed, Path(directory), "off") as (port, _),
    ):
        yield f"http://{HOST}:{port}"


def opened(browser: Browser, url: str, *, slow: bool = False) -> Page:
    """The page with a map that is drawn, and with all flights."""
    page = browser.new_page(viewport=SIZE)
    page.add_init_script(COUNT)
    if slow:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", dict(SLOW))
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(url)
    expect(page.locator("[data-first-frame]")).to_be_visible()
    expect(page.locator(".counts")).not_to_contain_text("0 flights 0")
    return page


def first_frame(page: Page) -> int:
    """Milliseconds after it was asked for."""
    return int(page.locator("[data-first-frame]").get_attribute("data-first-frame") or 0)


def frames(browser: Browser, url: str, count: int) -> Frames:
    """Drag the map, and measure that."""
    page = opened(browser, url)
    page.wait_for_timeout(3_000)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.mouse.move(640, 400)
    page.mouse.down()
    page.evaluate("() => { window.frames_ms.length = 0; }")
    before = task_s(session)
    step = 0
    while int(page.evaluate("() => window.frames_ms.length")) < count:
        step += 1
        page.mouse.move(640 + 150 * ((step % 40) / 40), 400 + step % 7)
    busy_ms = (task_s(session) - before) * 1000
    drawn = [float(one) for one in page.evaluate("() => window.frames_ms")]
    page.mouse.up()
    page.close()
    return Frames(drawn, busy_ms / len(drawn))


def task_s(session: CDPSession) -> float:
    """How long the main thread has been busy."""
    found = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in found if one["name"] == "TaskDuration"))


def slowly(browser: Browser, url: str) -> Iterator[tuple[str, float]]:
    """What somebody with a slow phone waits for, in milliseconds."""
    page = opened(browser, f"{url}/", slow=True)
    yield "first frame", first_frame(page)
    callsign = page.request.get(f"{url}/api/flights?limit=1").json()["flights"][0]["callsign"]
    page.keyboard.press("/")
    page.keyboard.type(callsign[:-1])
    start = time.perf_counter()
    page.keyboard.type(callsign[-1])
    expect(page.get_by_role("option").first).to_contain_text(callsign)
    yield "a search", (time.perf_counter() - start) * 1000
    page.keyboard.press("Escape")
    start = time.perf_counter()
    page.get_by_role("button", name="Lists").click()
    expect(page.get_by_role("row").nth(5)).to_be_visible()
    yield "the list of flights", (time.perf_counter() - start) * 1000
    start = time.perf_counter()
    page.get_by_label("Filters of the API").fill(f"callsign={callsign}")
    expect(page.locator(".lists output")).to_have_text("1")
    yield "a filter of it", (time.perf_counter() - start) * 1000
    page.close()


if __name__ == "__main__":
    main()
