"""The contacts over HTTP: what is asked wrongly, who is not known, and a database that is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from csv import DictReader
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import Running, running
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.http.test_api import problem
from vatsim_simulator.publication import Publication

PATH = "/api/frequency-matches"


@pytest.fixture(scope="module")
def given() -> list[Publication]:
    """So many that some talk to somebody."""
    return updates(3, pilots=400)


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory, given: list[Publication]) -> Iterator[Running]:
    """A service whose database is away."""
    with running(tmp_path_factory.mktemp("away"), NOWHERE) as service:
        for publication in given:
            service.hand_in(publication)
        service.until_served(time_of(given[-1]))
        yield service


def test_without_the_database_the_list_has_what_flights_and_stations_say_and_tells_so(
    away: Running,
) -> None:
    body = away.http.simulate_get(f"{PATH}?limit=1000").json
    assert body["source"] == "memory"
    flights = away.http.simulate_get("/api/flights").json["flights"]
    said = {
        (flight["flight_id"], one["station"], one["frequency_hz"], one["since"])
        for flight in flights
        for one in flight["contacts"]
    }
    assert said, "somebody talks to somebody"
    assert said == {
        (one["flight_id"], one["station"], one["frequency_hz"], one["start"])
        for one in body["matches"]
    }
    assert {one["end"] for one in body["matches"]} == {None}
    assert body["count"] == body["total"] == len(said)
    controllers = away.http.simulate_get("/api/controllers").json["controllers"]
    assert {(one["callsign"], pilot) for one in controllers for pilot in one["tuned"]} == {
        (one["station"], one["callsign"]) for one in body["matches"]
    }


def test_every_filter_and_every_spelling_of_a_channel_finds_a_contact(away: Running) -> None:
    body = away.http.simulate_get(f"{PATH}?limit=1000").json
    one = body["matches"][0]
    mhz = one["frequency_hz"] / 1e6
    for query in (
        f"callsign={one['callsign'].lower()}",
        f"callsign={one['station'].lower()}",
        f"cid={one['cid']}",
        f"cid={one['station_cid']}",
        f"frequency={mhz:.3f}",
        f"frequency={mhz:.6f}",
        f"frequency={one['frequency_hz']}",
        f"frequency={one['frequency_hz'] + 10}",
        f"from={one['start']}",
        f"callsign={one['callsign']}&cid={one['station_cid']}&frequency={mhz:.3f}",
    ):
        answer = away.http.simulate_get(PATH, query_string=query + "&limit=1000")
        assert one in answer.json["matches"], query
    assert away.http.simulate_get(f"{PATH}?callsign=NOBODY").json["total"] == 0
    assert away.http.simulate_get(f"{PATH}?to={one['start']}").json["total"] < body["total"]


def test_the_cursor_leads_through_all_of_them(away: Running) -> None:
    whole = away.http.simulate_get(f"{PATH}?limit=1000").json["matches"]
    found, query = [], f"{PATH}?limit=2"
    while True:
        page = away.http.simulate_get(query).json
        found += page["matches"]
        if page["next_cursor"] is None:
            break
        query = f"{PATH}?limit=2&cursor={page['next_cursor']}"
    assert found == whole


def test_lines_have_what_the_list_has_and_say_in_headers_where_it_goes_on(away: Running) -> None:
    whole = away.http.simulate_get(f"{PATH}?limit=1000").json["matches"]
    lines = away.http.simulate_get(f"{PATH}?limit=1000&format=ndjson")
    assert [json.loads(line) for line in lines.content.splitlines()] == whole
    headers = {"Accept": "text/csv"}
    page, found = away.http.simulate_get(f"{PATH}?limit=2", headers=headers), []
    while True:
        assert page.headers["X-Total-Count"] == str(len(whole))
        found += list(DictReader(StringIO(page.text, newline="")))
        if "Link" not in page.headers:
            break
        target = page.headers["Link"].partition(">")[0][1:]
        page = away.http.simulate_get(target, headers=headers)
    assert [(one["flight_id"], one["station"], one["end"]) for one in found] == [
        (one["flight_id"], one["station"], "") for one in whole
    ]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *((f"frequency={given}", "frequency") for given in (
            "0", "118.7x", "118700", "8864", "199.998", "-118.7", "118,7", "1e8", "nan", "118.",
        )),
        *((f"cid={given}", "cid") for given in ("0", "-1", "x", str(2**31))),
        *((f"cursor={given}", "cursor") for given in ("x", "MjAyNg", "_____")),
        *((f"limit={given}", "limit") for given in ("0", "1001", "x")),
        ("from=yesterday", "from"),
        ("to=2024-01-01T00:00:00", "to"),
        ("from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z", "to"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-01T00:00:00Z", "to"),
    ],
)  # fmt: skip
def test_a_value_that_means_nothing_is_refused_by_its_name(
    away: Running, query: str, parameter: str
) -> None:
    answer = problem(away.http.simulate_get(PATH, query_string=query), 400)
    assert answer["parameter"] == parameter


def test_history_without_the_database_is_not_available(away: Running) -> None:
    for path in ("/api/history/flights/1/contacts", "/api/history/sessions/1/contacts"):
        problem(away.http.simulate_get(path), 503)


def test_an_id_that_is_none_is_refused_and_one_that_nobody_has_is_not_found(
    tmp_path: Path, database_url: str, given: list[Publication]
) -> None:
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        get = service.http.simulate_get
        for kind in ("flight", "session"):
            path = f"/api/history/{kind}s/{{}}/contacts"
            assert "12345" in problem(get(path.format(12345)), 404)["detail"]
            for wrong in ("x", "DLH1", "-1", "1.5", str(2**63), "٣", "1" * 30):
                assert kind in problem(get(path.format(wrong)), 400)["detail"]
        flight = get("/api/flights").json["flights"][0]
        found = get(f"/api/history/flights/{flight['flight_id']}/contacts").json
        assert (found["flight_id"], found["callsign"]) == (flight["flight_id"], flight["callsign"])
        assert found["count"] == len(found["matches"]) == found["total"]
        session = get("/api/controllers").json["controllers"][0]
        found = get(f"/api/history/sessions/{session['session_id']}/contacts").json
        assert found["session_id"] == session["session_id"]
        assert get(f"{PATH}?limit=5").json["source"] == "database"


@pytest.mark.parametrize(
    ("kind", "callsign", "cid"),
    [("flight", "station", "station_cid"), ("session", "callsign", "cid")],
)
def test_contacts_of_one_are_found_by_the_other_side(
    tmp_path: Path,
    database_url: str,
    given: list[Publication],
    kind: str,
    callsign: str,
    cid: str,
) -> None:
    with running(tmp_path, database_url) as service:
        for publication in given:
            service.hand_in(publication)
        service.until_stored(time_of(given[-1]))
        get = service.http.simulate_get
        ids = [one[f"{kind}_id"] for one in get(f"{PATH}?limit=1000").json["matches"]]
        path = f"/api/history/{kind}s/{max(ids, key=ids.count)}/contacts"
        everything = get(path).json
        all_of_it = everything["matches"]
        assert len({one[callsign] for one in all_of_it}) > 1
        one = all_of_it[-1]
        same = [each for each in all_of_it if each[callsign] == one[callsign]]
        alike = [each for each in all_of_it if each[callsign].startswith(one[callsign][0])]
        person = [each for each in all_of_it if each[cid] == one[cid]]
        for wanted, expected in (
            ({"callsign": one[callsign].lower()}, same),
            ({"callsign": f"{one[callsign][0].lower()}*"}, alike),
            ({"cid": one[cid]}, person),
            ({"cid": one[cid], "callsign": "*_NOBODY"}, []),
        ):
            found: list[Any] = []
            cursor: dict[str, str] = {}
            while True:
                page = get(path, params={**wanted, **cursor, "limit": 1}).json
                assert page["total"] == len(expected)
                assert page["figures"] == everything["figures"]
                found += page["matches"]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert found == expected, wanted
