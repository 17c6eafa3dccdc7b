"""examples/map.html, from another origin, against the service."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.actors.harness import eventually, until
from tests.browser.browsing import PHONE, OtherOrigin, Visits, barriers, sideways
from tests.browser.restartable import Restartable
from tests.same import assert_same

MAP = Path(__file__).parents[2] / "examples" / "map.html"
LATER = 40  # updates: ten minutes, in which some come and some go
PIXEL = 0.5

# Where each shape is drawn, as parts of the map's width and height, and which way it points.
DRAWN = """() => {
  const map = document.querySelector("svg").getBoundingClientRect();
  const shown = [...document.querySelectorAll("[data-id]")].filter((one) => one.checkVisibility());
  return shown.map((one) => {
    const { a, b, e, f } = one.getScreenCTM();
    const box = one.getBoundingClientRect();
    return {
      id: one.dataset.id, x: (e - map.x) / map.width, y: (f - map.y) / map.height,
      heading: Math.atan2(b, a) * 180 / Math.PI, height: box.height / map.height,
    };
  });
}"""


def opened(visits: Visits, elsewhere: OtherOrigin, service: Restartable, **options: Any) -> Page:
    """The map, which asks the service from another origin."""
    return visits.open(
        f"{elsewhere.put('map.html', MAP.read_text())}?api={service.base}", **options
    )


def drawn(page: Page) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in page.evaluate(DRAWN)}


def listed(service: Restartable) -> dict[str, dict[str, Any]]:
    """What belongs on the map: all flights, and the stations whose place is known."""
    flights = {one["flight_id"]: one for one in service.get("/api/flights")["flights"]}
    stations = {
        one["session_id"]: one
        for one in service.get("/api/controllers?state=controlling")["controllers"]
        if one["latitude"] is not None
    }
    assert flights
    assert stations
    return flights | stations


def assert_shows(page: Page, service: Restartable) -> None:
    """Everything that the lists have is on the map at its place, and nothing else."""
    time = service.updated_at()
    expect(page.locator("#age")).to_contain_text(f"As of {time[11:19]} UTC")
    # The lists may change once more at the same time: a station's place comes with the
    # transceivers, after the station.
    eventually(lambda: assert_drawn(drawn(page), listed(service)))


def assert_drawn(shapes: dict[str, dict[str, Any]], records: dict[str, dict[str, Any]]) -> None:
    """Each record has its shape, at its place, and no other shape is there."""
    assert_same(sorted(shapes), sorted(records), "the map and the lists")
    for one, record in records.items():
        shape = shapes[one]
        assert abs(shape["x"] - (record["longitude"] + 180) / 360) < PIXEL / 1000
        assert abs(shape["y"] - (90 - record["latitude"]) / 180) < PIXEL / 500
        if "flight_id" in record:
            assert (shape["heading"] - record["heading"] + 0.5) % 360 < 1
        else:
            assert abs(shape["height"] - 2 * record["visual_range"] / 60 / 180) < 4 * PIXEL / 500


def test_the_map_shows_whoever_is_online_at_his_place_and_nobody_else(
    service: Restartable, visits: Visits, elsewhere: OtherOrigin
) -> None:
    page = opened(visits, elsewhere, service)
    assert_shows(page, service)
    before = drawn(page)
    service.next_update()
    assert_shows(page, service)
    moved = drawn(page)
    assert any(moved[one]["x"] != before[one]["x"] for one in moved.keys() & before.keys())
    service.next_update(LATER)
    assert_shows(page, service)
    assert before.keys() - drawn(page).keys(), "nobody has gone"
    assert drawn(page).keys() - before.keys(), "nobody has come"


def test_a_click_or_a_callsign_shows_the_flight(
    service: Restartable, visits: Visits, elsewhere: OtherOrigin
) -> None:
    page = opened(visits, elsewhere, service)
    assert_shows(page, service)
    flight = service.get("/api/flights?phase=cruise&limit=1")["flights"][0]
    # One aircraft may be under another one.
    page.locator(f"[data-id='{flight['flight_id']}']").dispatch_event("click")
    shown = page.locator("#chosen")
    plan = flight["flight_plan"]
    expect(shown).to_contain_text(f"{flight['callsign']}: {plan['departure']} to {plan['arrival']}")
    expect(shown).to_contain_text(f"{flight['altitude']} ft, {flight['groundspeed']} kt")
    service.next_update()
    after = service.get(f"/api/flights/{flight['callsign']}")
    expect(shown).to_contain_text(f"{after['altitude']} ft, {after['groundspeed']} kt")
    other = service.get("/api/flights?sort=callsign&limit=1")["flights"][0]["callsign"]
    page.get_by_label("Callsign").fill(other.lower())
    page.keyboard.press("Enter")
    expect(shown).to_contain_text(f"{other}: ")
    page.get_by_label("Callsign").fill("NOBODY")
    page.keyboard.press("Enter")
    expect(shown).to_have_text("Nobody flies as NOBODY.")
    assert barriers(page) == []
    page.set_viewport_size(PHONE)
    assert sideways(page) <= 0


def test_a_service_that_was_killed_leaves_the_map_with_old_data_which_say_so_until_it_is_back(
    service: Restartable, visits: Visits, elsewhere: OtherOrigin
) -> None:
    time = service.updated_at()
    moment = datetime.fromisoformat(time)
    page = opened(visits, elsewhere, service, at=moment + timedelta(seconds=20))
    age = page.locator("#age")
    expect(age).to_have_text(re.compile(r"As of \S+ UTC, 20 seconds ago\.$"))
    known = drawn(page)
    service.kill()
    expect(age).to_contain_text("The service does not answer")
    page.clock.set_fixed_time(moment + timedelta(minutes=5))
    expect(age).to_have_text(
        f"As of {moment:%H:%M:%S} UTC, 5 minutes ago. The service does not answer; trying again."
    )
    assert drawn(page) == known
    service.feeds.advance(LATER)
    service.start()
    # What was restored may be older than what was shown.
    until(lambda: service.updated_at() > time)
    expect(age).not_to_contain_text("does not answer")
    assert_shows(page, service)
    # What it said on the console meanwhile.
    visits.forgive("net::ERR_", "503")
