"""The boards of airports and FIRs, asked of a running service."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from tests.actors.harness import PATIENCE_S, Running, running
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.http.test_api import problem
from vatwatch.live.approach_units import NO_APPROACHES
from vatwatch.live.fir_boards import NO_FIRS

GIVEN = updates(3)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service without its database: boards are made of the live state."""
    with running(tmp_path_factory.mktemp("boards"), NOWHERE) as service:
        for publication in GIVEN:
            service.hand_in(publication)
        service.until_served(time_of(GIVEN[-1]))
        yield service


def test_the_list_has_the_airports_with_traffic_and_a_board_has_the_flights(
    service: Running,
) -> None:
    get = service.http.simulate_get
    found = get("/api/airports").json
    assert list(found) == ["updated_at", "count", "total", "next_cursor", "airports"]
    assert found["updated_at"] == get("/api/flights").json["updated_at"]
    assert found["count"] == found["total"] == len(found["airports"]) > 5
    online = {flight["callsign"] for flight in get("/api/flights").json["flights"]}
    for airport in found["airports"][:5]:
        board = get(f"/api/airports/{airport['icao'].lower()}").json
        for name in ("departures", "arrivals", "on_ground"):
            assert len(board[name]) == airport[name]
            assert {flight["callsign"] for flight in board[name]} <= online
        rest = {k: v for k, v in board.items() if k in airport and not isinstance(v, list)}
        assert rest == {k: v for k, v in airport.items() if k in rest}


def test_pages_named_airports_and_blocks(service: Running) -> None:
    get = service.http.simulate_get
    whole = get("/api/airports").json["airports"]
    first = get("/api/airports?limit=2").json
    assert first["airports"] == whole[:2]
    second = get("/api/airports", params={"limit": 3, "cursor": first["next_cursor"]}).json
    assert second["airports"] == whole[2:5]
    named = get("/api/airports?icao=FHAW&icao=eddf,EDDF").json
    assert sorted(each["icao"] for each in named["airports"]) == ["EDDF", "FHAW"]
    with_flights = get("/api/airports?icao=EDDF&flights=true").json["airports"][0]
    assert isinstance(with_flights["departures"], list)
    for path in ("/api/airports", "/api/airports/EDDF"):
        quarter, half = (get(f"{path}?block={minutes}").json for minutes in (15, 30))
        for one, blocks in ((quarter, 8), (half, 4)):
            board = one["airports"][0] if "airports" in one else one
            assert len(board["inbound"]["blocks"]) == blocks
        assert half == get(path).json


@pytest.mark.parametrize("path", ["/api/airports", "/api/airports/EDDF", "/api/firs"])
def test_an_answer_has_an_etag_and_is_compressed_for_who_takes_it(
    service: Running, path: str
) -> None:
    plain = service.http.simulate_get(path)
    packed = service.http.simulate_get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.content) == plain.content
    known = service.http.simulate_get(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert known.status_code == 304


@pytest.mark.parametrize(
    ("query", "parameter", "hint"),
    [
        ("icoa=EDDF", None, "icao"),
        ("icao=EDDFF", "icao", "EDDF"),
        ("icao=FRA,EDDM", "icao", "EDDF"),
        ("icao=EDDF,", "icao", None),
        ("block=20", "block", None),
        ("block=15&block=30", "block", None),
        ("limit=0", "limit", None),
        ("limit=10001", "limit", None),
        ("cursor=zz", "cursor", None),
        ("flights=true", "flights", None),
        ("flights=maybe&icao=EDDF", "flights", None),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    service: Running, query: str, parameter: str | None, hint: str | None
) -> None:
    said = problem(service.http.simulate_get(f"/api/airports?{query}"), 400)
    assert parameter is None or said["parameter"] == parameter
    assert said.get("did_you_mean") == hint


@pytest.mark.parametrize(
    ("given", "meant"), [("FRA", "EDDF"), ("EDDFF", "EDDF"), ("%00", None), ("A" * 3000, None)]
)
def test_an_unknown_airport_is_not_found_and_the_one_that_was_meant_is_told(
    service: Running, given: str, meant: str | None
) -> None:
    said = problem(service.http.simulate_get(f"/api/airports/{given}"), 404)
    assert said.get("did_you_mean") == meant


def test_a_known_airport_without_traffic_has_zeros(service: Running) -> None:
    board = service.http.simulate_get("/api/airports/FHAW").json
    assert (board["flights"], board["departures"], board["inbound"]["total"]) == (0, [], 0)


def test_without_files_of_areas_the_list_of_firs_says_how_to_get_them(service: Running) -> None:
    found = service.http.simulate_get("/api/firs").json
    assert (found["firs"], found["note"]) == ([], NO_FIRS)
    found = service.http.simulate_get("/api/approaches").json
    assert (found["approaches"], found["note"]) == ([], NO_APPROACHES)
    said = problem(service.http.simulate_get("/api/firs/EDGG"), 404)
    assert "VATWATCH_POSITIONS_DATA" in said["detail"]
    said = problem(service.http.simulate_get("/api/firs?fir=EDGG"), 400)
    assert said["parameter"] == "fir"
    assert "VATWATCH_POSITIONS_DATA" in said["detail"]


def test_what_is_refused_is_named_and_so_is_what_there_is(service: Running) -> None:
    said = problem(service.http.simulate_get("/api/airports?icao=EDDM,EDDFF"), 400)
    assert "names no known airport: EDDFF." in said["detail"]
    said = problem(service.http.simulate_get("/api/airports/EDDF?limit=3"), 400)
    assert said["detail"] == 'There is no parameter "limit"; there are block, format.'


def test_many_who_ask_at_once_get_the_same_board(service: Running) -> None:
    paths = ["/api/airports", "/api/airports/EDDF", "/api/firs"] * 5
    asked = [gevent.spawn(service.http.simulate_get, path) for path in paths]
    gevent.joinall(asked, timeout=PATIENCE_S)
    answers = [each.value for each in asked]
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert len({answer.content for answer in answers}) == 3


def test_the_boards_are_of_the_newest_snapshot(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as service:
        for publication in GIVEN:
            service.hand_in(publication)
            service.until_served(time_of(publication))
            live = service.http.simulate_get("/api/flights").json["updated_at"]
            assert service.http.simulate_get("/api/airports").json["updated_at"] == live
