"""What the docs have for browsers, as it is pasted, from another origin than the service's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.actors.harness import until
from tests.browser.browsing import OtherOrigin, Visits, barriers
from tests.browser.restartable import Restartable
from tests.chaos.proxy import Proxy

DOCS = Path(__file__).parents[2] / "docs"
FOLLOWING = "Everything that changes, as it changes"
ADDRESS = "http://127.0.0.1:8001"

# Before the page: notes the kinds of messages that come.
NOTING = """<script>
const kinds = [];
window.EventSource = class extends EventSource {
  constructor(url) {
    super(url);
    for (const kind of ["snapshot", "delta"]) this.addEventListener(kind, () => kinds.push(kind));
  }
};
</script>
"""


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def pasted(heading: str, address: str) -> str:
    """The page under a heading of the guide, with the reader's own address in it."""
    section = (DOCS / "guide" / "browser.md").read_text().partition(f"\n## {heading}\n")[2]
    (content,) = blocks(section.partition("\n## ")[0], "html")
    assert ADDRESS in content
    return content.replace(ADDRESS, address)


def test_every_page_of_the_guide_is_opened_here() -> None:
    opened = ["A list with filters", FOLLOWING, "What has happened"]
    guide = (DOCS / "guide" / "browser.md").read_text()
    assert re.findall(r"^## (.*)$", guide, re.MULTILINE) == opened
    assert len(blocks(guide, r"\w+")) == len(opened)


def test_a_page_shows_a_list_of_what_it_asks_for(
    service: Restartable, visits: Visits, elsewhere: OtherOrigin
) -> None:
    content = pasted("A list with filters", service.base)
    page = visits.open(elsewhere.put("list.html", content))
    wanted = "/api/flights?arrival=EG*&phase=climb,cruise,descent&sort=eta&limit=20"
    flights = service.get(wanted)["flights"]
    assert flights
    lines = page.get_by_role("listitem")
    expect(lines).to_have_count(len(flights))
    for flight, line in zip(flights, lines.all_inner_texts(), strict=True):
        plan = flight["flight_plan"]
        assert line.startswith(
            f"{flight['callsign']} from {plan['departure']} to {plan['arrival']}"
        )
        assert flight["eta"] is None or f"lands at {flight['eta'][11:16]} UTC" in line
    assert barriers(page) == []


def test_a_page_follows_the_stream_and_comes_back_to_it_after_a_restart(
    service: Restartable, visits: Visits, elsewhere: OtherOrigin
) -> None:
    content = pasted(FOLLOWING, service.base)
    page = visits.open(elsewhere.put("flights.html", content))
    client = page.context.new_page()
    client.goto(elsewhere.put("client.html", client_of_the_docs(service)))
    for _ in range(2):
        service.next_update()
        until(lambda: shown(page) == near(service))
        until(lambda: records(client) == lists(service))
    # The browser makes the connection again, and the page has nothing to do for it.
    service.kill()
    expect(page.locator("#age")).to_contain_text("Connecting again.")
    service.feeds.advance(20)
    service.start()
    expect(page.locator("#age")).to_have_text(re.compile(r"^\d+ flights, \d+ seconds old\.$"))
    until(lambda: shown(page) == near(service))
    until(lambda: records(client) == lists(service))
    visits.forgive("net::ERR_", "503")
    assert barriers(page) == []


@contextmanager
def cable_to(service: Restartable) -> Iterator[Proxy]:
    cable = Proxy(("127.0.0.1", service.port))
    try:
        yield cable
    finally:
        cable.stop()


def test_a_browser_that_was_cut_off_is_told_what_it_has_missed_and_no_more(
    service: Restartable, visits: Visits, elsewhere: OtherOrigin
) -> None:
    with cable_to(service) as cable:
        content = pasted(FOLLOWING, f"http://127.0.0.1:{cable.port}")
        page = visits.open(elsewhere.put("cut.html", NOTING + content))
        until(lambda: shown(page) == near(service))
        cable.refuse(True)
        expect(page.locator("#age")).to_contain_text("Connecting again.")
        service.next_update()
        cable.refuse(False)
        until(lambda: shown(page) == near(service))
        assert page.evaluate("() => kinds").count("snapshot") == 1
        visits.forgive("net::ERR_")


def near(service: Restartable) -> list[str]:
    flights = service.get("/api/flights?near=51.47,-0.45,300")["flights"]
    assert flights
    return sorted(f"{f['callsign']}: {f['altitude']} ft, {f['groundspeed']} kt" for f in flights)


def shown(page: Page) -> list[str]:
    return sorted(page.locator("#flights > li").all_inner_texts())


def client_of_the_docs(service: Restartable) -> str:
    """The JavaScript of docs/api.md in a page, and a way to look into it."""
    section = (DOCS / "api.md").read_text().partition("### GET /api/stream\n")[2]
    (code,) = blocks(section.partition("\n## ")[0], "js")
    assert ADDRESS in code
    return (
        '<!doctype html><html lang="en"><title>A client</title><script type="module">'
        f"{code.replace(ADDRESS, service.base)}\nglobalThis.records = records;</script>"
    )


def records(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("() => Object.fromEntries(globalThis.records)")
    return found


def lists(service: Restartable) -> dict[str, Any]:
    found = {}
    for name, key in (
        ("flights", "flight_id"), ("controllers", "session_id"), ("atis", "callsign"),
    ):  # fmt: skip
        found |= {one[key]: one for one in service.get(f"/api/{name}")[name]}
    return found


def test_a_page_that_is_a_file_tells_of_events_as_they_happen(
    service: Restartable, visits: Visits, tmp_path: Path
) -> None:
    file = tmp_path / "events.html"
    file.write_text(pasted("What has happened", service.base))
    page = visits.open(file.as_uri())
    lines = page.get_by_role("listitem")
    # Also the first update may be told before the stream stands.
    until(lambda: service.next_update(4) and lines.count() > 0)
    there = {line.strip() for line in lines.all_inner_texts()}
    # They are told as they happen, and stored a moment later.
    until(lambda: there <= happened(service))
    assert barriers(page) == []


def happened(service: Restartable) -> set[str]:
    return {
        f"{one['time'][11:19]} {one['type']} {one['payload'].get('callsign') or ''}".strip()
        for one in service.get("/api/events?limit=1000")["events"]
    }
