"""The page of `/`: each view shows what the API says, and says when it cannot."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.actors.harness import until
from tests.browser.browsing import PHONE, Visits, barriers, sideways
from tests.browser.page_views import (
    alone,
    apart_nm,
    camera,
    found,
    later,
    looking_at,
    map_of,
    opened,
    panel,
    search_for,
    told_the_time,
)
from tests.browser.restartable import Restartable
from tests.process import until_served

VIEWS = ("map", "lists", "system")
FILTERS = (
    "callsign=B",
    "callsign=*1?",
    "departure=E*&phase=cruise,climb",
    "arrival=L*,E*",
    "altitude=10000..40000&groundspeed=..450",
    "heading=300..60",
    "wake=H",
    "bbox=-30,30,30,70",
    "bbox=100,-60,-60,60",
    "near=50,8,900",
    "flight_rules=I&state=online",
    "airline=BAW,DLH,AFR",
    "squawk=2*",
    "tuned=*",
    "online_s=0..60",
)


def flights(service: Restartable, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get(f"/api/flights{query}")["flights"]
    return found


def test_the_map_shows_a_flight_where_it_is_and_a_click_tells_of_it(
    service: Restartable, visits: Visits
) -> None:
    flight = alone(flights(service, "?phase=cruise"))
    page = opened(visits, service, at=looking_at(flight, 7))
    box = map_of(page).bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    expect(page.locator(".hint")).to_contain_text(flight["callsign"])
    page.mouse.click(*middle)
    shown = panel(page)
    expect(shown.get_by_role("heading", level=2)).to_have_text(flight["callsign"])
    expect(shown).to_contain_text(f"{flight['altitude']:,} ft")
    expect(shown).to_contain_text(flight["flight_plan"]["route"])
    assert f"show=flight:{flight['callsign']}" in page.url
    service.next_update()
    after = service.get(f"/api/flights/{flight['callsign']}")
    expect(shown).to_contain_text(f"{after['groundspeed']} kt")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_what_is_selected_is_brought_into_sight(
    motion: str, service: Restartable, visits: Visits
) -> None:
    flight = flights(service, "?phase=cruise&limit=1")[0]
    antipode = {"latitude": -flight["latitude"], "longitude": flight["longitude"] - 180}
    page = opened(
        visits,
        service,
        at=looking_at(antipode, 6),
        show=f"flight:{flight['callsign']}",
        browser={"reduced_motion": motion},
    )
    map_of(page)
    for _ in range(100):
        page.wait_for_timeout(200)
        if apart_nm(camera(page), flight) < 200:
            break
    assert apart_nm(camera(page), flight) < 200
    expect(panel(page).get_by_role("heading", level=2)).to_have_text(flight["callsign"])


def test_a_link_shows_the_same_to_somebody_else(service: Restartable, visits: Visits) -> None:
    flight = flights(service, "?phase=cruise&limit=1")[0]
    page = opened(
        visits, service, show=f"flight:{flight['callsign']}", mark="1:phase=cruise", look="dark"
    )
    expect(panel(page).get_by_role("heading", level=2)).to_have_text(flight["callsign"])
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    marked = len(flights(service, "?phase=cruise"))
    expect(page.locator(".marks li b")).to_have_text(str(marked))
    page.get_by_role("button", name="Close").click()
    expect(panel(page)).to_have_count(0)
    page.go_back()
    expect(panel(page).get_by_role("heading", level=2)).to_have_text(flight["callsign"])


def test_whatever_is_searched_is_found_by_keyboard(service: Restartable, visits: Visits) -> None:
    page = opened(visits, service)
    station = talked_to(service)
    search_for(page, station["callsign"].lower())
    shown = panel(page)
    expect(shown.get_by_role("heading", level=2)).to_have_text(station["callsign"])
    for callsign in station["tuned"]:
        expect(shown.get_by_role("button", name=callsign, exact=True)).to_be_visible()
    tuned = shown.get_by_role("button", name=station["tuned"][0], exact=True)
    tuned.focus()
    page.keyboard.press("Enter")
    expect(shown.get_by_role("heading", level=2)).to_have_text(station["tuned"][0])
    expect(shown.get_by_role("button", name=station["callsign"])).to_be_visible()


def test_the_board_of_an_airport_is_that_of_the_api(service: Restartable, visits: Visits) -> None:
    airport = service.get("/api/airports?limit=1")["airports"][0]["icao"]
    board = service.get(f"/api/airports/{airport}")
    page = opened(visits, service, show=f"airport:{airport}")
    shown = panel(page)
    expect(shown).to_contain_text(board["name"])
    expect(shown).to_contain_text(f"Departures {len(board['departures'])}")
    expect(shown).to_contain_text(f"Arrivals {len(board['arrivals'])}")
    for one in (*board["stations"], *board["atis"]):
        expect(shown).to_contain_text(one["callsign"])


def talked_to(service: Restartable) -> dict[str, Any]:
    """A station that somebody is tuned to, as soon as there is one."""

    def found() -> dict[str, Any] | None:
        service.next_update()
        stations = service.get("/api/controllers?state=controlling")["controllers"]
        return next((one for one in stations if one["tuned"]), None)

    return until(found)


def test_filters_mean_what_they_mean_in_the_api(service: Restartable, visits: Visits) -> None:
    page = opened(visits, service, view="lists")
    said = page.locator(".lists output")
    for text in FILTERS:
        wanted = len(flights(service, f"?{text}"))
        page.get_by_label("Filters of the API").fill(text)
        expect(said, text).to_have_text(str(wanted))
    page.get_by_label("Filters of the API").fill("hight=3")
    expect(said).to_contain_text('There is no filter "hight"')


@pytest.mark.parametrize("size", [{"width": 1000, "height": 700}, PHONE])
def test_of_a_long_list_only_the_rows_in_sight_are_made(
    size: dict[str, int], service: Restartable, visits: Visits
) -> None:
    page = opened(visits, service, view="lists", browser={"viewport": size})
    expect(page.locator(".lists output")).to_have_text(str(len(flights(service))))
    rows = page.locator(".virtual tbody tr:not(.space)")
    assert 20 < rows.count() < 60 < len(flights(service))
    last = max(one["callsign"] for one in flights(service))
    expect(page.get_by_role("button", name=last, exact=True)).to_have_count(0)
    page.locator(".virtual").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("button", name=last, exact=True)).to_be_visible()


def test_the_age_is_always_shown_and_turns_amber_and_red(
    service: Restartable, visits: Visits
) -> None:
    time = service.next_update()
    page = opened(visits, service, browser={"base_url": service.base})
    age = page.locator(".age")
    for seconds, kind in ((20, "fresh"), (75, "late"), (500, "stale")):
        told_the_time(page, later(time, seconds))
        page.reload()
        expect(age).to_have_attribute("data-freshness", kind)
    expect(age).to_contain_text("8 min old")


def test_without_the_service_the_page_says_so_and_goes_on_by_itself(
    service: Restartable, visits: Visits
) -> None:
    page = opened(visits, service)
    expect(page.locator(".counts")).to_contain_text(f"{len(flights(service))} flights")
    service.kill()
    expect(page.locator(".age")).to_contain_text("no link to the service")
    expect(page.locator(".counts")).not_to_have_text(re.compile(r"^0 "))
    service.feeds.advance(40)
    service.start()
    until_served(service.process, service.feeds)
    expect(page.locator(".age")).not_to_contain_text("no link")
    expect(page.locator(".counts")).to_contain_text(f"{len(flights(service))} flights")
    visits.forgive("Failed to load resource", "net::ERR")


def test_people_can_be_hidden(service: Restartable, visits: Visits) -> None:
    flight = flights(service, "?limit=1")[0]
    about = f"{flight['name']} · {flight['cid']}"
    page = opened(visits, service, show=f"flight:{flight['callsign']}")
    expect(panel(page)).to_contain_text(about)
    page.get_by_text("View", exact=True).click()
    page.get_by_label("Hide people").check()
    expect(panel(page)).not_to_contain_text(str(flight["cid"]))
    assert "people=hidden" in page.url
    page.get_by_role("button", name="Lists").click()
    expect(page.get_by_role("columnheader", name="CID")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type(str(flight["cid"]))
    expect(found(page)).to_have_count(0)


def test_the_tree_of_the_system_is_that_of_the_api(service: Restartable, visits: Visits) -> None:
    page = opened(visits, service, view="system")
    tree = service.get("/api/supervision/tree")

    def names(node: dict[str, Any]) -> list[str]:
        return [node["name"], *(name for one in node["children"] for name in names(one))]

    expect(page.locator(".tree .node b")).to_have_text(names(tree))
    expect(page.locator(".headline")).to_contain_text(service.get("/api/status")["status"])


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", ["wall", "phone"])
def test_nothing_bars_anybody_from_any_view(
    view: str, look: str, size: str, service: Restartable, visits: Visits
) -> None:
    flight = flights(service, "?phase=cruise&limit=1")[0]
    options = {"viewport": PHONE} if size == "phone" else {}
    page = opened(
        visits,
        service,
        view=view,
        look=look,
        show=f"flight:{flight['callsign']}",
        browser=options,
    )
    if view == "map":
        map_of(page)
    if view == "system":
        expect(page.locator(".tree .node").first).to_be_visible()
    assert barriers(page) == []
    assert sideways(page) <= 0


def test_what_is_loaded_first_is_small(service: Restartable, visits: Visits) -> None:
    page = opened(visits, service, browser={"base_url": service.base})
    sizes: dict[str, int] = {}
    page.on(
        "response",
        lambda answer: sizes.update(
            {answer.url: int(answer.headers.get("content-length", 0))}
            if "/api/" not in answer.url
            else {}
        ),
    )
    with page.expect_response(re.compile("world-110m")):
        page.reload()
    map_of(page)
    assert 300_000 < sum(sizes.values()) < 700_000, sizes


def test_hostile_texts_are_shown_and_nothing_of_them_is_run(
    service: Restartable, visits: Visits
) -> None:
    service.feeds.hostile = 1.0
    try:
        service.next_update()
        everybody = flights(service)
        named = [one for one in everybody if one["callsign"].startswith("<B>")]
        assert named
        page = opened(visits, service)
        map_of(page)
        for look in named[0], *everybody[:12]:
            search_for(page, look["callsign"])
            shown = panel(page)
            expect(shown.get_by_role("heading", level=2)).to_have_text(look["callsign"])
            expect(shown).to_contain_text(" ".join(look["flight_plan"]["remarks"].split())[:40])
            assert page.evaluate("() => window.hostile") is None
        for view in VIEWS:
            page = opened(visits, service, view=view)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert page.evaluate("() => window.hostile") is None
            assert page.locator("iframe, main script, main style").count() == 0
            assert sideways(page) <= 0
            page.close()
    finally:
        service.feeds.hostile = 0.0
        service.next_update()
