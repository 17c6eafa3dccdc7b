"""Each fault of what is published does what it says, in the updates it is for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import gevent
import pytest

from tests.vatsim_simulator.client import DATA, TRANSCEIVERS, WAIT_S, Client
from tests.vatsim_simulator.conftest import START, Start
from vatsim_simulator.world import World
from vatwatch.feed.decode import DecodedFeed, decode_feed, decode_radios
from vatwatch.feed.times import parse_time

# An update each 0.15 s.
SPEED = 100.0


def feeds_until(client: Client, last: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Both feeds as they are served, with the number of the newest update, until it is `last`."""
    with gevent.Timeout(WAIT_S, TimeoutError(f"no update {last}")):
        while True:
            before = client.control()["newest"]["number"]
            data, radios = client.ask(DATA).body, client.ask(TRANSCEIVERS).body
            if client.control()["newest"]["number"] == before:
                yield before, data, radios
                if before >= last:
                    return
            gevent.sleep(0.01)


def window(fault: dict[str, Any], updates: int) -> range:
    """The updates that a fault which waits is for."""
    return range(fault["begins_with_update"], fault["begins_with_update"] + updates)


@pytest.mark.parametrize("feed", ["data", "transceivers", "all"])
def test_freeze_shows_the_same_while_the_world_goes_on(start: Start, feed: str) -> None:
    client = start(speed=SPEED)
    told = client.fault(fault="freeze", feed=feed, after=2, **{"for": 3})
    frozen = window(told, 3)
    for state in client.until(lambda state: state["newest"]["number"] > frozen[-1] + 1):
        newest = state["newest"]["number"]
        for name, shown in state["shown"].items():
            stands = newest in frozen and feed in (name, "all")
            assert shown == (frozen[0] - 1 if stands else newest)


def test_a_frozen_body_is_the_same_to_the_byte(start: Start) -> None:
    client = start(speed=SPEED)
    frozen = window(client.fault(fault="freeze", feed="data", after=1, **{"for": 4}), 4)
    bodies, radios = set(), set()
    for number, data, transceivers in feeds_until(client, frozen[-1] + 1):
        if number in frozen:
            bodies.add(data)
            radios.add(transceivers)
    assert len(bodies) == 1
    assert len(radios) > 1


def test_mass_drop_leaves_out_most_pilots_and_they_come_back(start: Start) -> None:
    client = start(speed=SPEED, pilots=100)
    told = client.fault(fault="mass_drop", share=0.8, after=1, **{"for": 3})
    dropped = window(told, 3)
    seen: dict[int, tuple[set[str], set[str]]] = {}
    for number, data, radios in feeds_until(client, dropped[-1] + 2):
        pilots = {pilot.callsign for pilot in decode_feed(data).feed.pilots}
        tuned = {one.callsign for one in decode_radios(radios).radios if "_" not in one.callsign}
        seen[number] = pilots, tuned
    during = [seen[number] for number in dropped if number in seen]
    assert during
    for pilots, tuned in during:
        assert 5 <= len(pilots) <= 40
        assert len(tuned) <= 45
    assert len(seen[max(seen)][0]) > 85


def quarantined(decoded: DecodedFeed) -> int:
    return len(decoded.quarantined)


def test_bad_records_are_quarantined_and_the_rest_is_counted(start: Start) -> None:
    client = start(speed=SPEED)
    spoilt = window(client.fault(fault="bad_records", count=6, after=1, **{"for": 3}), 3)
    seen = {}
    for number, data, _ in feeds_until(client, spoilt[-1] + 1):
        seen[number] = decode_feed(data)
    served = {one["number"]: one for one in client.control()["served"]}
    assert any(number in seen for number in spoilt)
    for number, decoded in seen.items():
        assert quarantined(decoded) == served[number]["bad_records"] == 6 * (number in spoilt)
        assert len(decoded.feed.pilots) == served[number]["pilots"]
        assert len(decoded.feed.controllers) == served[number]["controllers"]
        assert len(decoded.feed.atis) == served[number]["atis"]
        assert len(decoded.feed.prefiles) == served[number]["prefiles"]


def test_restart_cuts_logon_times_of_all_who_are_connected_for_good(start: Start) -> None:
    client = start(speed=SPEED)
    told = client.fault(fault="restart")
    first = told["begins_with_update"]
    before = {(pilot.cid, pilot.callsign) for pilot in World(1, 40, START).feed().pilots}
    for number, data, _ in feeds_until(client, first + 3):
        if number < first:
            continue
        for pilot in decode_feed(data).feed.pilots:
            assert ((pilot.cid, pilot.callsign) not in before) or "." not in pilot.logon_time


def test_every_second_answer_is_an_older_copy(start: Start) -> None:
    client = start(speed=SPEED)
    client.until(lambda state: state["newest"]["number"] >= 4)
    # Now nothing new is shown, so what is older is so by the fault alone.
    client.fault(fault="freeze", **{"for": "60s"})
    client.until(lambda state: state["faults"]["active"] != [])
    client.fault(fault="older", back=2, **{"for": "60s"})
    for path in (DATA, TRANSCEIVERS):
        bodies = [client.ask(path).body for _ in range(6)]
        assert len(set(bodies[::2])) == len(set(bodies[1::2])) == 1
        assert bodies[0] != bodies[1]
    stamps = [decode_feed(client.ask(DATA).body).feed.general.update_timestamp for _ in range(2)]
    shown = client.control()["shown"]["data"]
    numbers = {one["update_timestamp"]: one["number"] for one in client.control()["served"]}
    assert [numbers[stamp] for stamp in stamps] == [shown, shown - 2]


def test_a_fault_that_ends_while_the_next_update_is_ready_has_no_part_in_it(start: Start) -> None:
    client = start(speed=SPEED)
    client.fault(fault="bad_records", **{"for": 1000})
    client.until(lambda state: state["newest"]["bad_records"] == 3)
    client.ask("/control", "DELETE")
    ended = client.control()["newest"]["number"]
    for state in client.until(lambda state: state["newest"]["number"] > ended + 2):
        assert state["newest"]["number"] <= ended or not state["newest"]["bad_records"]


def test_a_wrong_clock_shifts_the_feeds_own_time_and_nothing_else(start: Start) -> None:
    client = start(speed=SPEED)
    wrong = window(client.fault(fault="clock", seconds=-86_400, after=1, **{"for": 2}), 2)
    times: dict[int, datetime] = {}
    for number, data, _ in feeds_until(client, wrong[-1] + 2):
        feed = decode_feed(data).feed
        times[number] = parse_time(feed.general.update_timestamp)
        assert all(
            parse_time(pilot.last_updated) > START - timedelta(minutes=5) for pilot in feed.pilots
        )
    for number, time in times.items():
        days_off = round((time - START).total_seconds() / 86_400)
        assert days_off == (-1 if number in wrong else 0)
    assert set(times) & set(wrong)
