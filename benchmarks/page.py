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

# Milliseconds from what somebody does until the page has drawn what comes of it. Measured in the
# page: what looks at it from outside takes its time, too.
WAITING = """
() => {
  const drawn = async (act, selector) => {
    const start = performance.now();
    act();
    do await new Promise((next) => requestAnimationFrame(next));
    while (!document.querySelector(selector));
    await new Promise((next) => requestAnimationFrame(next));
    return performance.now() - start;
  };
  window.clicked = (name, selector) => drawn(
    () => [...document.querySelectorAll("button")].find((one) => one.textContent === name).click(),
    selector,
  );
  window.typed = (field, text, selector) => drawn(() => {
    const input = document.querySelector(field);
    input.focus();
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, selector);
}
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
    parser.add_argument("--phone-pilots", type=int, default=2_000, help="on a slow phone")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(file=sys.stdout, width=100)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        expect.set_options(timeout=PATIENCE_MS)
        with served(options.pilots, options.seed) as url:
            console.print(shown(options.pilots, browser, url, options.frames))
        with served(options.phone_pilots, options.seed) as url:
            table = Table(f"on a slow phone, with {options.phone_pilots:,} pilots", "ms")
            for name, took in slowly(browser, url):
                table.add_row(name, f"{took:,.0f}")
            console.print(table)
        browser.close()


def shown(pilots: int, browser: Browser, url: str, count: int) -> Table:
    """The times of frames."""
    floor = frames(browser, f"{url}/?{NOBODY}", count)
    full = frames(browser, f"{url}/", count)
    table = Table("time of the main thread for a frame", "no aircraft", f"{pilots:,}", "ratio")
    for name, without, with_all in (
        ("drawn, median", statistics.median(floor.drawn), statistics.median(full.drawn)),
        ("drawn, 95 of 100", slowest(floor), slowest(full)),
        ("with all beside", floor.busy, full.busy),
    ):
        table.add_row(name, f"{without:.1f}", f"{with_all:.1f}", f"{with_all / without:.2f}")
    page = opened(browser, f"{url}/")
    table.add_row("until the first frame", "", f"{first_frame(page):,}", "")
    page.close()
    return table


def slowest(found: Frames) -> float:
    """What 95 of 100 frames do not take."""
    return statistics.quantiles(found.drawn, n=20)[-1]


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
    page.evaluate(WAITING)
    search = "input[role=combobox]"
    typed = "([field, text]) => window.typed(field, text"
    yield "a search", page.evaluate(f"{typed}, '[role=option]')", [search, callsign])
    yield "the list of flights", page.evaluate("() => window.clicked('Lists', '.virtual tbody td')")
    yield (
        "a filter of it",
        page.evaluate(
            f"{typed}, '.virtual tbody tr:only-child')", ["input.filter", f"callsign={callsign}"]
        ),
    )
    page.close()


if __name__ == "__main__":
    main()
