"""The page of the API, in a real browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.browsing import PHONE, Visits, barriers, sideways
from tests.browser.restartable import KEY, Restartable

MOST_TABS = 20
# One of each kind: axe needs minutes for a page on which all of them are open.
KINDS = ("get_flights_callsign", "post_keys", "get_flights", "type-LiveFlight")


def everything_open(page: Page) -> Page:
    """What is folded away is looked at, too."""
    page.evaluate(
        "() => document.querySelectorAll('details').forEach((one) => { one.open = true })"
    )
    return page


def go_to(page: Page, wanted: Locator) -> None:
    """Press Tab until this has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
    pytest.fail(f"{wanted} cannot be reached by keyboard")


def open_docs(visits: Visits, service: Restartable, operation: str = "", **options: Any) -> Page:
    return visits.open(f"{service.base}/docs#{operation}", **options)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_the_api_can_be_used_by_everybody_in_light_and_in_dark(
    service: Restartable, visits: Visits, scheme: str
) -> None:
    page = open_docs(visits, service, color_scheme=scheme)
    paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    page.evaluate(
        """(kept) => document.querySelectorAll("details[id], nav li li:nth-child(n+3)").forEach(
             (one) => { if (!kept.includes(one.id)) one.remove(); })""",
        KINDS,
    )
    everything_open(page)
    assert page.locator("details[id]:visible").count() == len(KINDS)
    # Only the colours are others in the dark.
    assert barriers(page, *(["color-contrast"] if scheme == "dark" else [])) == []


def test_the_page_of_the_api_fits_into_a_phone(service: Restartable, visits: Visits) -> None:
    page = open_docs(visits, service, viewport=PHONE)
    assert sideways(page) <= 0
    everything_open(page)
    assert sideways(page) <= 0


def test_the_page_of_the_api_can_be_read_without_scripts(
    service: Restartable, visits: Visits
) -> None:
    document = service.get("/openapi.json")
    page = visits.open(f"{service.base}/docs", java_script_enabled=False)
    shown = page.locator("body").inner_text()
    for path, methods in document["paths"].items():
        assert path in shown
        assert all(operation["summary"] in shown for operation in methods.values())
    # What would do nothing is not shown.
    assert page.locator("form:visible").count() == 0
    board = page.locator("#get_airports_icao")
    board.locator("summary").first.press("Enter")
    expect(board.get_by_role("table", name="Parameters")).to_be_visible()
    expect(board.get_by_role("table", name="Answers")).to_be_visible()


def test_an_endpoint_is_found_opened_and_tried_by_keyboard(
    service: Restartable, visits: Visits
) -> None:
    callsign = service.get("/api/flights?limit=1&sort=callsign")["flights"][0]["callsign"]
    page = open_docs(visits, service)
    go_to(page, page.get_by_label("Find"))
    page.keyboard.type("one flight THAT is online.")
    shown = page.locator("details.operation:visible")
    expect(shown).to_have_count(1)
    expect(page.get_by_role("heading", level=2)).to_have_text(["Live"])
    expect(page.get_by_role("status").first).to_have_text("1 found")
    summary = shown.locator("summary").first
    go_to(page, summary)
    outline = summary.evaluate("(one) => getComputedStyle(one).outlineStyle")
    assert outline != "none", "who uses a keyboard sees where it is"
    page.keyboard.press("Enter")
    go_to(page, shown.get_by_label("callsign"))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(callsign)
    page.keyboard.press("Enter")
    said = shown.locator("output")
    expect(said).to_contain_text(f"GET /api/flights/{callsign}\n200 OK")
    expect(said).to_contain_text(f'"callsign": "{callsign}"')


def test_a_key_is_sent_with_what_is_tried(service: Restartable, visits: Visits) -> None:
    page = open_docs(visits, service, "post_keys")
    shown = page.locator("#post_keys")
    shown.get_by_label("body").fill(json.dumps({"name": "a test", "scopes": ["read"]}))
    shown.get_by_role("button", name="Send").click()
    expect(shown.locator("output")).to_contain_text("401 Unauthorized")
    page.get_by_label("API key").fill(KEY)
    shown.get_by_role("button", name="Send").click()
    expect(shown.locator("output")).to_contain_text('"name": "a test"')
    visits.forgive("401")


def test_a_link_to_an_endpoint_or_a_type_opens_it(service: Restartable, visits: Visits) -> None:
    page = open_docs(visits, service, "get_flights_callsign")
    expect(page.locator("#get_flights_callsign")).to_have_attribute("open", "")
    page.locator("#get_flights_callsign").get_by_role("link", name="LiveFlight").first.click()
    expect(page.locator("#type-LiveFlight")).to_have_attribute("open", "")
    expect(page.locator("#type-LiveFlight > summary")).to_be_in_viewport()
