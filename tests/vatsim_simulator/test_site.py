"""What is served, over a real socket."""

from __future__ import annotations

import gzip

import gevent
import pytest

from tests.vatsim_simulator.client import DATA, STATUS, TRANSCEIVERS, Client
from tests.vatsim_simulator.conftest import START, Start
from tests.vatsim_simulator.test_faults import NONSENSE
from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.feed.decode import decode_feed, decode_radios
from vatwatch.feed.times import parse_time


def test_the_status_points_to_the_host_that_was_asked(client: Client) -> None:
    answer = client.ask(STATUS, headers={"Host": "vatsim.test:81"})
    assert answer.status == 200
    assert answer.json() == {
        "data": {
            "v3": ["http://vatsim.test:81/v3/vatsim-data.json"],
            "transceivers": ["http://vatsim.test:81/v3/transceivers-data.json"],
        }
    }


def test_what_is_served_is_the_world_to_the_byte(client: Client) -> None:
    world = World(1, 40, START)
    publication = publish(0, world.feed(), world.radios())
    assert client.ask(DATA).body == publication.data.raw
    assert client.ask(TRANSCEIVERS).body == publication.transceivers.raw


@pytest.mark.parametrize("path", [DATA, TRANSCEIVERS, STATUS])
def test_headers_are_as_vatsims_and_there_are_no_validators(client: Client, path: str) -> None:
    headers = client.ask(path).headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "public, max-age=15"
    assert "ETag" not in headers
    assert "Last-Modified" not in headers


@pytest.mark.parametrize("accepts", ["gzip", "br, gzip;q=0.5", "*"])
def test_a_body_is_compressed_for_clients_that_ask_for_it(client: Client, accepts: str) -> None:
    plain, packed = client.ask(DATA), client.ask(DATA, headers={"Accept-Encoding": accepts})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "Content-Encoding" not in plain.headers


@pytest.mark.parametrize("accepts", ["identity", "gzip;q=0", "br"])
def test_a_body_is_not_compressed_for_who_does_not(client: Client, accepts: str) -> None:
    answer = client.ask(DATA, headers={"Accept-Encoding": accepts})
    assert "Content-Encoding" not in answer.headers
    assert answer.body[:1] == b"{"


def test_head_tells_the_length_and_sends_nothing(client: Client) -> None:
    answer = client.ask(DATA, "HEAD")
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) == len(client.ask(DATA).body)


def test_there_is_nothing_else(client: Client) -> None:
    for path in ("/", "/v3", "/v3/vatsim-data.json/", "/../etc/passwd"):
        answer = client.ask(path)
        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["instance"] == path


def test_other_methods_are_refused_with_those_allowed(client: Client) -> None:
    feed, control = client.ask(DATA, "POST", b"x"), client.ask("/control", "PUT", b"x")
    assert (feed.status, feed.headers["Allow"]) == (405, "GET, HEAD")
    assert (control.status, control.headers["Allow"]) == (405, "GET, HEAD, POST, DELETE")


def test_updates_follow_each_other_15_simulated_seconds_apart(start: Start) -> None:
    client = start(speed=100.0)
    client.until(lambda state: state["newest"]["number"] >= 3)
    feed = decode_feed(client.ask(DATA).body).feed
    since_s = (parse_time(feed.general.update_timestamp) - START).total_seconds()
    assert since_s > 40
    assert since_s % 15 < 0.01
    assert not decode_radios(client.ask(TRANSCEIVERS).body).quarantined


def test_an_update_is_the_same_for_every_reader(start: Start) -> None:
    client = start(speed=100.0)
    client.until(lambda state: state["newest"]["number"] >= 5)
    body = client.ask(DATA).body
    stamp = decode_feed(body).feed.general.update_timestamp
    world = World(1, 40, START)
    while world.feed().general.update_timestamp != stamp:
        world.advance()
    assert publish(0, world.feed(), []).data.raw == body


# --- the control ----------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", NONSENSE)
def test_the_control_refuses_nonsense_and_says_why(client: Client, raw: bytes) -> None:
    answer = client.ask("/control", "POST", raw)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert client.control()["faults"] == {"active": [], "waiting": []}


def test_the_control_refuses_what_is_too_long(client: Client) -> None:
    assert client.ask("/control", "POST", b" " * 70_000).status == 413


def test_the_control_lists_faults_and_ends_them(client: Client) -> None:
    client.fault(fault="empty", feed="data", **{"for": "9r"})
    client.fault(fault="freeze", after=3)
    faults = client.control()["faults"]
    assert [fault["fault"] for fault in faults["active"]] == ["empty"]
    assert [fault["fault"] for fault in faults["waiting"]] == ["freeze"]
    assert client.ask("/control", "DELETE").status == 204
    assert client.control()["faults"] == {"active": [], "waiting": []}
    assert client.ask(DATA).body


def test_the_control_tells_what_it_was_started_with_and_what_is_newest(client: Client) -> None:
    state = client.control()
    feed = decode_feed(client.ask(DATA).body).feed
    assert (state["seed"], state["pilots"], state["speed"]) == (1, 40, 1.0)
    assert state["shown"] == {"data": 0, "transceivers": 0}
    assert state["newest"] == {
        "number": 0,
        "update_timestamp": feed.general.update_timestamp,
        "pilots": len(feed.pilots),
        "controllers": len(feed.controllers),
        "atis": len(feed.atis),
        "prefiles": len(feed.prefiles),
        "bad_records": 0,
    }
    began_s = (parse_time(state["simulated_time"]) - START).total_seconds()
    assert began_s > 0


def test_only_a_main_feed_that_was_served_whole_is_told_as_served(client: Client) -> None:
    for path in (STATUS, TRANSCEIVERS):
        client.ask(path)
    client.ask(DATA, "HEAD")
    for kind in ("empty", "html", "truncated", "reset", "status", "redirect_loop"):
        client.fault(fault=kind, feed="data", **{"for": "1r"})
        client.raw(DATA)
    client.fault(fault="timeout", seconds=0.01, feed="data", **{"for": "1r"})
    client.raw(DATA)
    client.fault(fault="drip", seconds=0.05, feed="data", **{"for": "1r"})
    client.raw(DATA)
    state = client.control()
    assert state["served"] == []
    assert state["faults"]["active"] == []
    client.ask(DATA)
    client.ask(DATA, headers={"Accept-Encoding": "gzip"})
    state = client.control()
    assert state["served"] == [{**state["newest"], "times": 2}]


def test_what_is_told_as_served_is_what_arrived(start: Start) -> None:
    client = start(speed=100.0)
    arrived = {}
    with gevent.Timeout(30, TimeoutError("no updates")):
        while len(arrived) < 5:
            feed = decode_feed(client.ask(DATA).body).feed
            arrived[feed.general.update_timestamp] = (
                len(feed.pilots),
                len(feed.controllers),
                len(feed.atis),
                len(feed.prefiles),
            )
            gevent.sleep(0.01)
    told = {
        one["update_timestamp"]: (
            one["pilots"],
            one["controllers"],
            one["atis"],
            one["prefiles"],
        )
        for one in client.control()["served"]
    }
    assert told == arrived
