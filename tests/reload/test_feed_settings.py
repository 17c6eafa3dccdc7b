"""Settings of the feeds, of the traffic in them, and of the files, changed while the tree runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.actors.harness import until
from tests.actors.reloading import UNWATCHED, Reloading, flights, reloading
from tests.feed_server import DATA, STATUS, TRANSCEIVERS, Conversation, FeedServer, body, status
from tests.reload.effects import takes_effect
from vatwatch.feed.times import parse_time
from vatwatch.messages.status import FetcherStatus


def fetcher(one: Reloading) -> FetcherStatus:
    return one.running.status("fetcher", FetcherStatus)


def polls_go_on(_one: Reloading, feeds: FeedServer) -> bool:
    before = feeds.requests[DATA]
    gevent.sleep(0.5)
    return feeds.requests[DATA] > before


def introduced(one: Reloading, feeds: FeedServer) -> str:
    one.running.until_served(one.running.next_update())
    return " ".join(feeds.user_agents)


def served_flights(one: Reloading, _feeds: FeedServer) -> int:
    return flights(one)


def controllers(one: Reloading, _feeds: FeedServer) -> int:
    one.running.until_served(one.running.next_update())
    return int(one.get("/api/controllers")["count"])


def names(one: Reloading, _feeds: FeedServer) -> int:
    one.running.until_served(one.running.next_update())
    return sum(bool(each.get("name")) for each in one.get("/api/flights")["flights"])


Observe = Callable[[Reloading, FeedServer], Any]
TABLE: list[tuple[str, object, object, Observe, Callable[[Any], bool]]] = [
    ("VATSIM_POLL_INTERVAL", 3600, 0.1, polls_go_on, lambda goes_on: goes_on),
    ("VATSIM_CONTACT", "", "ops@example.org", introduced, lambda found: "(ops@" in found),
    ("VATSIM_USER_AGENT", "mine/1", "mine/2", introduced, lambda found: "mine/2" in found),
    ("VATWATCH_FILTER_CALLSIGN", "", "^NOBODY$", served_flights, lambda count: count == 0),
    ("VATWATCH_FILTER_MIN_RATING", "", 12, controllers, lambda count: count == 0),
    ("VATWATCH_KEEP_NAMES", True, False, names, lambda count: count == 0),
]


@takes_effect(*(row[0] for row in TABLE))
@pytest.mark.parametrize(("setting", "before", "after", "observe", "has_come"), TABLE)
def test_a_changed_setting_of_the_feed_takes_effect(
    tmp_path: Path,
    setting: str,
    before: object,
    after: object,
    observe: Observe,
    has_come: Callable[[Any], bool],
) -> None:
    with reloading(tmp_path, pilots=30, **{setting: before}) as (one, feeds):
        until(lambda: feeds.requests[DATA] > 0, "the first poll")
        assert not has_come(observe(one, feeds))
        one.change(**{setting: after})
        until(lambda: has_come(observe(one, feeds)), f"{setting} takes effect")
        restarted = {n.name for n in one.running.tree.snapshot().walk() if n.restarts_total}
        assert restarted == set()


@takes_effect("VATSIM_API_URL", "VATSIM_TRANSCEIVERS_URL", "VATSIM_STATUS_URL")
@pytest.mark.parametrize(
    "setting", ["VATSIM_API_URL", "VATSIM_TRANSCEIVERS_URL", "VATSIM_STATUS_URL"]
)
def test_the_feeds_are_fetched_from_where_they_are_now(tmp_path: Path, setting: str) -> None:
    path = {"VATSIM_API_URL": DATA, "VATSIM_TRANSCEIVERS_URL": TRANSCEIVERS}.get(setting, STATUS)
    with FeedServer(pilots=5) as first, FeedServer(pilots=5) as second:
        given = {"VATSIM_API_URL": first.url, setting: first.base + path}
        if setting == "VATSIM_STATUS_URL":
            given["VATSIM_API_URL"] = ""
        with reloading(tmp_path, **given) as (one, _feeds):
            until(lambda: first.requests[DATA] > 0, "the first poll")
            one.take_over(**{setting: second.base + path})
            asked = DATA if path == STATUS else path
            until(lambda: second.requests[asked] > 0, "the new address is asked")
            before = first.requests[asked]
            until(lambda: second.requests[asked] > 5, "it is asked again")
            assert first.requests[asked] <= before + 1  # one may have been under way


def slowly(feeds: FeedServer) -> Callable[[Conversation], None]:
    def answer(c: Conversation) -> None:
        gevent.sleep(1.0)
        c.json(feeds.published.data.raw)

    return answer


@takes_effect("VATSIM_API_TIMEOUT")
def test_a_feed_that_is_slow_is_waited_for_as_long_as_is_set_now(tmp_path: Path) -> None:
    patient = {"VATSIM_API_RETRY_ATTEMPTS": 0, "CIRCUIT_BREAKER_FAILURE_THRESHOLD": 10_000}
    with reloading(tmp_path, VATSIM_API_TIMEOUT=0.2, **patient) as (one, feeds):
        feeds.say(DATA, always=slowly(feeds))
        update = one.running.next_update()
        until(lambda: fetcher(one).last_error, "it is too slow")
        one.take_over(VATSIM_API_TIMEOUT=20)
        one.running.until_served(update)


@takes_effect("VATSIM_MAX_BODY_MB")
def test_a_large_body_is_taken_if_it_is_within_what_is_set_now(tmp_path: Path) -> None:
    many = {"CIRCUIT_BREAKER_FAILURE_THRESHOLD": 10_000}
    with reloading(tmp_path, VATSIM_MAX_BODY_MB=1, **many) as (one, feeds):
        update = one.running.next_update()
        feeds.say(DATA, always=body(feeds.published.data.raw + b" " * 2 * 1024 * 1024))
        until(lambda: fetcher(one).last_error, "it is too large")
        one.take_over(VATSIM_MAX_BODY_MB=4)
        one.running.until_served(update)


@takes_effect("VATSIM_API_RETRY_ATTEMPTS")
def test_a_poll_is_tried_as_often_as_is_set_now(tmp_path: Path) -> None:
    given = {"VATSIM_POLL_INTERVAL": 1, "CIRCUIT_BREAKER_FAILURE_THRESHOLD": 10_000}
    with reloading(tmp_path, VATSIM_API_RETRY_ATTEMPTS=0, **given) as (one, feeds):
        feeds.say(DATA, always=status("500 Internal Server Error"))

        def tries_beyond_polls() -> int:
            return feeds.requests[DATA] - sum(fetcher(one).outcomes.values())

        until(lambda: sum(fetcher(one).outcomes.values()) >= 3, "three polls")
        assert tries_beyond_polls() <= 1  # one may be under way
        one.take_over(VATSIM_API_RETRY_ATTEMPTS=5)
        until(lambda: tries_beyond_polls() >= 3, "polls are tried again")


def boundary(west: float, east: float) -> str:
    ring = [[west, -89], [east, -89], [east, 89], [west, 89], [west, -89]]
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


@takes_effect("VATWATCH_FILTER_BOUNDARY")
def test_the_boundary_is_the_one_that_is_set_now(tmp_path: Path) -> None:
    everywhere, nowhere = tmp_path / "all.geojson", tmp_path / "none.geojson"
    everywhere.write_text(boundary(-180, 180))
    nowhere.write_text(boundary(-180, -179.9))
    with reloading(tmp_path, VATWATCH_FILTER_BOUNDARY=str(everywhere)) as (one, _feeds):
        assert flights(one) > 0
        one.take_over(VATWATCH_FILTER_BOUNDARY=str(nowhere))
        until(lambda: flights(one) == 0, "the new boundary holds")


def test_the_boundary_s_file_is_read_again_and_a_broken_one_leaves_the_good_one(
    tmp_path: Path,
) -> None:
    area = tmp_path / "area.geojson"
    area.write_text(boundary(-180, 180))
    with reloading(tmp_path, VATWATCH_FILTER_BOUNDARY=str(area)) as (one, _feeds):
        everybody = flights(one)
        assert everybody > 0
        area.write_text('{"type": "Polygon"')
        until(lambda: one.get("/api/config")["faults"], "the broken file is told")
        assert flights(one) == everybody
        area.write_text(boundary(-180, -179.9))
        until(lambda: flights(one) == 0, "the new boundary holds")
        assert one.get("/api/config")["faults"] == []


@takes_effect("VATWATCH_CONFIG_INTERVAL")
def test_a_shorter_interval_of_the_looks_counts_at_once(tmp_path: Path) -> None:
    with reloading(tmp_path, **UNWATCHED) as (one, _):
        one.take_over(VATWATCH_CONFIG_INTERVAL=0.05)
        one.change(CACHE_TTL_DEFAULT=123)  # and nobody orders anything
        until(lambda: one.in_force("CACHE_TTL_DEFAULT")["value"] == "123")


@takes_effect("VATWATCH_POSITION_KEEPALIVE")
def test_a_standing_aircraft_has_a_row_as_often_as_is_set_now(
    tmp_path: Path, database_url: str
) -> None:
    given = {"VATWATCH_POSITION_KEEPALIVE": 100_000}
    with reloading(tmp_path, database_url=database_url, pilots=60, **given) as (one, _feeds):

        def standing_rows() -> int:
            moment = one.running.until_next_is_through()
            return int(
                one.running.sql(
                    "SELECT count(*) FROM positions WHERE time = %s AND groundspeed = 0", moment
                )[0][0]
            )

        standing_rows()  # each has one at first
        before = max(standing_rows() for _ in range(3))
        one.take_over(VATWATCH_POSITION_KEEPALIVE=1)
        until(lambda: standing_rows() > before + 3, "each standing one has a row at each update")


# With a resume window of none, an aircraft that is lost in the air is not continued either.
NO_RESUMING = {"VATWATCH_RESUME_WINDOW_HOURS": 0.00001}
LIMITS: list[tuple[str, object, object, dict[str, object], str]] = [
    ("VATWATCH_RECONNECT_WINDOW", 100_000, 1, NO_RESUMING, "flights"),
    ("VATWATCH_RESUME_WINDOW_HOURS", 24, 0.00001, {"VATWATCH_RECONNECT_WINDOW": 1}, "flights"),
    ("VATWATCH_REACH_KT", 650, 0.1, {"VATWATCH_REACH_MARGIN_NM": 0.01}, "flights"),
    ("VATWATCH_REACH_MARGIN_NM", 30, 0.01, {"VATWATCH_REACH_KT": 0.1}, "flights"),
    ("VATWATCH_SESSION_WINDOW", 100_000, 1, {}, "controllers"),
]


@takes_effect(*(row[0] for row in LIMITS))
@pytest.mark.parametrize(("setting", "before", "after", "others", "table"), LIMITS)
def test_who_comes_back_goes_on_within_the_limits_that_are_set_now(
    tmp_path: Path,
    database_url: str,
    setting: str,
    before: object,
    after: object,
    others: dict[str, object],
    table: str,
) -> None:
    given = {**others, setting: before}
    people = {"flights": "pilots"}.get(table, table)
    with reloading(tmp_path, database_url=database_url, pilots=60, **given) as (one, feeds):

        def count() -> int:
            return int(one.running.sql(f"SELECT count(*) FROM {table}")[0][0])

        def new_of_who_comes_back() -> int:
            """Everybody leaves, and logs on again with the update after it: how many are new?"""
            known = count()
            gone = json.loads(feeds.advance().data.raw)
            back = json.loads(feeds.advance().data.raw)
            for each in back[people]:
                each["logon_time"] = gone["general"]["update_timestamp"]
            for feed in (gone | {people: []}, back):
                feeds.say(DATA, always=body(json.dumps(feed).encode()))
                one.running.until_stored(parse_time(feed["general"]["update_timestamp"]))
            return count() - known

        one.running.until_next_is_through()
        going_on = new_of_who_comes_back()
        one.take_over(**{setting: after})
        assert new_of_who_comes_back() > going_on
