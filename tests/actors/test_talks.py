"""Who talks to whom, from the feed to every answer that tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from csv import DictReader
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from tests.actors.frankfurt import (
    APPROACH_HZ,
    GROUND_HZ,
    SNAPSHOTS,
    TALKS,
    TOWER_HZ,
    Talk,
    area_files,
    feeds,
    time_of,
)
from tests.actors.harness import Running, running, until
from tests.feed_server import START
from tests.http.test_api import problem
from vatwatch.messages.areas_status import AreasStatus

PATH = "/api/frequency-matches"


@dataclass
class Day:
    """The service after the last snapshot, and by callsign what it served after each of them."""

    service: Running
    flights: list[dict[str, Any]] = field(default_factory=list)
    controllers: list[dict[str, Any]] = field(default_factory=list)

    def get(self, path: str) -> Any:
        answer = self.service.http.simulate_get(path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def id_of(self, callsign: str) -> str:
        """Of a flight or a session that the first snapshot has."""
        flight = self.flights[0].get(callsign)
        if flight is not None:
            return str(flight["flight_id"])
        return str(self.controllers[0][callsign]["session_id"])


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Day]:
    home = tmp_path_factory.mktemp("frankfurt")
    names = ("VATSpy.dat", "firs.geojson")
    for name, text in zip(names, area_files(), strict=True):
        (home / name).write_text(text)
    places = ",".join(str(home / name) for name in names)
    with running(home, None, VATWATCH_POSITIONS_DATA=places) as service:
        until(lambda: service.status("areas", AreasStatus).firs == 1, "the areas are read")
        seen = Day(service)
        for number in range(SNAPSHOTS):
            service.hand_in_bytes(*feeds(number))
            moment = START + timedelta(seconds=15 * number)
            service.until_served(moment)
            service.until_stored(moment)
            for kind, known in (("flights", seen.flights), ("controllers", seen.controllers)):
                records = seen.get(f"/api/{kind}")[kind]
                known.append({one["callsign"]: one for one in records})
        yield seen


def talk_of(match: dict[str, Any]) -> Talk:
    numbers = {time_of(number): number for number in range(SNAPSHOTS)}
    start, end = match["start"], match["end"]
    return Talk(
        match["callsign"],
        match["station"],
        match["frequency_hz"],
        numbers[start],
        None if end is None else numbers[end],
        match["closest_nm"],
        match["placed_by"],
    )


def test_a_contact_is_listed_from_the_first_snapshot_that_shows_it_to_the_last(day: Day) -> None:
    found = day.get(PATH)
    assert found["source"] == "database"
    assert {talk_of(one) for one in found["matches"]} == TALKS
    assert found["count"] == found["total"] == len(found["matches"]) == len(TALKS)
    starts = [one["start"] for one in found["matches"]]
    assert starts == sorted(starts, reverse=True)
    for one in found["matches"]:
        assert one["flight_id"] == day.id_of(one["callsign"])
        assert one["session_id"] == day.id_of(one["station"])
        assert one["cid"] == day.flights[0][one["callsign"]]["cid"]
        station = day.controllers[0][one["station"]]
        assert (one["station_cid"], one["facility"]) == (station["cid"], station["facility"])


def test_after_each_snapshot_flights_and_stations_tell_the_contacts_that_it_shows(day: Day) -> None:
    for number, (flights, controllers) in enumerate(zip(day.flights, day.controllers, strict=True)):
        shown = [one for one in TALKS if one.shown_at(number)]
        for callsign, flight in flights.items():
            assert flight["contacts"] == [
                {
                    "station": one.station,
                    "frequency_hz": one.frequency_hz,
                    "since": time_of(one.start),
                }
                for one in shown
                if one.callsign == callsign
            ], (number, callsign)
        for station, record in controllers.items():
            tuned = sorted(one.callsign for one in shown if one.station == station)
            assert record["tuned"] == tuned, (number, station)
    for callsign, flight in day.flights[-1].items():
        assert day.get(f"/api/flights/{callsign}")["contacts"] == flight["contacts"]
    for callsign, record in day.controllers[-1].items():
        assert day.get(f"/api/controllers/{callsign}")["tuned"] == record["tuned"]


def test_a_station_says_where_it_is_taken_to_be_and_what_it_works(day: Day) -> None:
    told = {
        callsign: (day.get(f"/api/controllers/{callsign}")["placed_by"], record["position"])
        for callsign, record in day.controllers[-1].items()
    }
    unknown = {"name": None, "area": None, "areas": [], "rule": "unknown"}
    langen = {"name": "Langen Radar", "area": "EDGG", "areas": ["EDGG"], "rule": "base"}
    assert told["EDGG_P_CTR"] == ("radios", langen)
    assert told["EDDF_TWR"] == ("radios", unknown)
    assert told["EDDM_APP"] == ("airport", unknown)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("callsign=handed", lambda talk: talk.callsign == "HANDED"),
        ("callsign=eddf_twr", lambda talk: talk.station == "EDDF_TWR"),
        ("cid=1900012", lambda talk: talk.callsign == "HANDED"),
        ("cid=1900104", lambda talk: talk.station == "EDGG_P_CTR"),
        ("frequency=118.025", lambda talk: talk.frequency_hz == APPROACH_HZ),
        ("frequency=118.03", lambda talk: talk.frequency_hz == APPROACH_HZ),
        ("frequency=118.02", lambda talk: talk.frequency_hz == APPROACH_HZ),
        ("frequency=118030010", lambda talk: talk.frequency_hz == APPROACH_HZ),
        ("frequency=122.800", lambda _: False),
        (f"from={time_of(2)}", lambda talk: talk.end is None or talk.end >= 2),
        (f"to={time_of(2)}", lambda talk: talk.start < 2),
        (
            f"from={time_of(1)}&to={time_of(3)}",
            lambda talk: talk.start < 3 and (talk.end is None or talk.end >= 1),
        ),
        (
            f"callsign=EDDF_TWR&cid=1900016&frequency=119.9&from={time_of(3)}",
            lambda talk: talk.callsign == "LATER",
        ),
        ("callsign=NOBODY", lambda _: False),
    ],
)
def test_a_filter_leaves_what_it_says(day: Day, query: str, wanted: Callable[[Talk], bool]) -> None:
    found = day.get(f"{PATH}?{query}")
    expected = {one for one in TALKS if wanted(one)}
    assert {talk_of(one) for one in found["matches"]} == expected
    assert found["total"] == len(expected)


def test_the_contacts_of_a_flight_come_with_its_stations_and_its_hand_overs(day: Day) -> None:
    found = day.get(f"/api/history/flights/{day.id_of('HANDED')}/contacts")
    tower = {"station": "EDDF_TWR", "frequency_hz": TOWER_HZ}
    approach = {"station": "EDDF_N_APP", "frequency_hz": APPROACH_HZ}
    assert [talk_of(one).station for one in found["matches"]] == ["EDDF_TWR", "EDDF_N_APP"]
    assert found["figures"] == {
        "airborne_s": 60,
        "in_contact_s": 60,
        "share_in_contact": 1.0,
        "stations": [
            {**tower, "facility": 4, "since": time_of(0), "contact_s": 30},
            {**approach, "facility": 5, "since": time_of(2), "contact_s": 30},
        ],
        "hand_overs": [{"time": time_of(2), "from": tower, "to": approach, "without_contact_s": 0}],
    }


def test_a_flight_that_has_left_and_one_that_nobody_heard_have_their_contacts(day: Day) -> None:
    gone = day.get(f"/api/history/flights/{day.id_of('GOING')}/contacts")
    assert [talk_of(one) for one in gone["matches"]] == [
        Talk("GOING", "EDDF_TWR", TOWER_HZ, 0, 1, 0.0)
    ]
    assert gone["figures"]["share_in_contact"] is None, "it was never in the air"
    alone = day.get(f"/api/history/flights/{day.id_of('TOO_FAR')}/contacts")
    assert (alone["total"], alone["matches"]) == (0, [])
    assert alone["figures"]["airborne_s"] == 60
    assert alone["figures"]["share_in_contact"] == 0.0


def test_the_contacts_of_a_session_come_with_its_load_while_it_was_there(day: Day) -> None:
    left = day.get(f"/api/history/sessions/{day.id_of('EDDF_GND')}/contacts")
    assert [talk_of(one) for one in left["matches"]] == [
        Talk("LEFT_ALONE", "EDDF_GND", GROUND_HZ, 0, 2, 0.0)
    ]
    assert left["figures"] == {
        "flights_served": 1,
        "peak_load": 1,
        "peak_at": time_of(0),
        "frequency_s": 30,
        "mean_load": 1.0,
    }
    problem(day.service.http.simulate_get("/api/controllers/EDDF_GND"), 404)
    tower = day.get(f"/api/history/sessions/{day.id_of('EDDF_TWR')}/contacts")
    assert tower["total"] == tower["figures"]["flights_served"] == 5
    # NEAR, GOING and HANDED at first; the last two leave, COMING and then LATER come.
    assert (tower["figures"]["peak_load"], tower["figures"]["peak_at"]) == (3, time_of(0))
    assert tower["figures"]["mean_load"] == round((3 + 3 + 2 + 3) / 4, 2)


def test_events_tell_each_contact_that_begins_and_each_that_ends(day: Day) -> None:
    def told(kind: str) -> set[tuple[object, ...]]:
        events = day.get(f"/api/events?limit=1000&type={kind}")["events"]
        names = ("callsign", "station", "frequency_hz", "started_at", "ended_at")
        found = {(one["time"], *(one["payload"][name] for name in names)) for one in events}
        assert len(found) == len(events), "each is told once"
        return found

    def seen(talk: Talk) -> tuple[object, ...]:
        return (talk.callsign, talk.station, talk.frequency_hz, time_of(talk.start))

    began = {(time_of(one.start), *seen(one), None) for one in TALKS}
    ended = {
        (time_of(one.end + 1), *seen(one), time_of(one.end)) for one in TALKS if one.end is not None
    }
    until(lambda: told("CONTACT_BEGAN") == began, "all beginnings are told")
    until(lambda: told("CONTACT_ENDED") == ended, "all ends are told")


def test_the_board_of_the_airport_has_its_flights_stations_and_atis(day: Day) -> None:
    board = day.get("/api/airports/EDDF")
    assert [one["callsign"] for one in board["departures"]] == ["NEAR"]
    assert [one["callsign"] for one in board["arrivals"]] == ["TOO_FAR"]
    standing = ["EVERYBODY", "LATER", "LEFT_ALONE", "LISTENER", "NEAR"]
    assert [one["callsign"] for one in board["on_ground"]] == standing
    stations = ["EDDF_A_APP", "EDDF_N_APP", "EDDF_TWR"]
    assert [one["callsign"] for one in board["stations"]] == stations
    assert [one["callsign"] for one in board["atis"]] == ["EDDF_ATIS"]
    assert (board["fir"], board["inbound"]["total"]) == ("EDGG", 1)
    munich = day.get("/api/airports/EDDM")
    assert [one["callsign"] for one in munich["arrivals"]] == ["NEAR"], "it has not departed"
    assert munich["inbound"]["not_departed"] == 1
    assert day.get("/api/airports")["airports"][0]["icao"] == "EDDF"
    langen = day.get("/api/firs/EDGG")
    assert (langen["name"], [one["callsign"] for one in langen["stations"]]) == (
        "Langen",
        ["EDGG_P_CTR"],
    )


def test_contacts_and_tracks_are_the_same_in_every_format(day: Day) -> None:
    get = day.service.http.simulate_get
    callsign = day.get(PATH)["matches"][0]["callsign"]
    path = f"/api/history/flights/{day.id_of(callsign)}/contacts"
    lines = get(path, query_string="format=ndjson").content.splitlines()
    assert list(map(json.loads, lines)) == day.get(path)["matches"]
    rows = list(DictReader(StringIO(get(path, headers={"Accept": "text/csv"}).text, newline="")))
    assert [row["station"] for row in rows] == [one["station"] for one in day.get(path)["matches"]]
    tracks = [f"/api/flights/{callsign}/track" for callsign in day.flights[-1]]
    track = max(tracks, key=lambda path: len(day.get(path)["points"]))
    points = day.get(track)["points"]
    line = get(track, headers={"Accept": "application/geo+json"}).json
    assert line["geometry"]["type"] == "LineString"
    assert line["geometry"]["coordinates"] == [[p["longitude"], p["latitude"]] for p in points]
    assert line["properties"]["times"] == [point["time"] for point in points]
    lines = get(track, query_string="format=ndjson").content.splitlines()
    assert list(map(json.loads, lines)) == points
    rows = list(DictReader(StringIO(get(track, query_string="format=csv").text, newline="")))
    assert [row["time"] for row in rows] == [point["time"] for point in points]
    problem(get(track, headers={"Accept": "image/png"}), 406)


def test_a_track_has_the_points_that_fulfil_the_filters(day: Day) -> None:
    tracks = [f"/api/flights/{callsign}/track" for callsign in day.flights[-1]]
    track = max(tracks, key=lambda path: len(day.get(path)["points"]))
    points = day.get(track)["points"]
    middle, some = points[len(points) // 2], points[1]
    latitude, longitude, time = middle["latitude"], middle["longitude"], middle["time"]
    for query, wanted in {
        f"altitude=..{middle['altitude']}": [
            p for p in points if p["altitude"] <= middle["altitude"]
        ],
        f"groundspeed={some['groundspeed']}": [
            p for p in points if p["groundspeed"] == some["groundspeed"]
        ],
        f"from={time}": [p for p in points if p["time"] >= time],
        f"to={time}": [p for p in points if p["time"] < time],
        f"bbox={longitude},{latitude},{longitude},{latitude}": [
            p for p in points if (p["latitude"], p["longitude"]) == (latitude, longitude)
        ],
        "altitude=90000..": [],
    }.items():
        found = day.service.http.simulate_get(track, query_string=query).json
        assert (found["points"], found["count"]) == (wanted, len(wanted)), query
    wrong = problem(day.service.http.simulate_get(track, query_string="altitude=low"), 400)
    assert wrong["parameter"] == "altitude"
    wrong = problem(day.service.http.simulate_get(track, query_string="altitud=1"), 400)
    assert wrong["did_you_mean"] == "altitude"
