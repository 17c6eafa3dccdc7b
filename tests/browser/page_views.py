"""What tests of the page have in common: how it is opened, asked and looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.browsing import Visits
from tests.browser.restartable import Restartable

TILE_PX = 512
SIZE = {"width": 1000, "height": 700}


def opened(visits: Visits, service: Restartable, **options: Any) -> Page:
    """The page with this address; options of the browser come in `browser`."""
    browser = options.pop("browser", {})
    query = urlencode(options, safe=":,")
    return visits.open(f"{service.base}/?{query}", **{"viewport": SIZE, **browser})


def told_the_time(page: Page, time: Callable[[], datetime]) -> None:
    """From now on answers say that it is this time: the simulated network is of another year."""

    def answer(route: Route) -> None:
        found = route.fetch()
        date = format_datetime(time().astimezone(UTC), usegmt=True)
        route.fulfill(response=found, headers={**found.headers, "date": date})

    page.route(re.compile(r"/(healthz|api/(?!stream).*)$"), answer)


def map_of(page: Page) -> Locator:
    """The map, once it is drawn."""
    place = page.locator(".map[data-ready=true]")
    expect(place).to_be_visible()
    return place


def looking_at(record: dict[str, Any], zoom: float) -> str:
    """The address of a map with this record in its middle."""
    return f"{record['latitude']},{record['longitude']},{zoom}"


def camera(page: Page) -> dict[str, float]:
    """Where the map looks."""
    latitude, longitude, _ = re.findall(r"[?&]at=([^&]*)", page.url)[0].split(",")
    return {"latitude": float(latitude), "longitude": float(longitude)}


def panel(page: Page) -> Locator:
    """What is shown of what was selected."""
    return page.locator("aside.panel")


def found(page: Page) -> Locator:
    """What the search offers."""
    return page.locator(".found").get_by_role("option")


def search_for(page: Page, text: str) -> None:
    """By the keyboard, and take the first that is found."""
    page.keyboard.press("/")
    page.keyboard.type(text)
    expect(found(page).first).to_be_visible()
    page.keyboard.press("Enter")


def apart_nm(one: dict[str, Any], other: dict[str, Any]) -> float:
    """About how far two records are apart."""
    mean = math.radians((one["latitude"] + other["latitude"]) / 2)
    east = (one["longitude"] - other["longitude"] + 180) % 360 - 180
    return 60 * math.hypot(one["latitude"] - other["latitude"], east * math.cos(mean))


def alone(flights: list[dict[str, Any]]) -> dict[str, Any]:
    """One that has no other near it."""
    return max(
        flights, key=lambda one: min(apart_nm(one, other) for other in flights if other is not one)
    )


def moment_of(text: str) -> datetime:
    """A time of the API."""
    return datetime.fromisoformat(text)


def later(text: str, seconds: float) -> Callable[[], datetime]:
    """So much after a time of the API."""
    return lambda: moment_of(text) + timedelta(seconds=seconds)
