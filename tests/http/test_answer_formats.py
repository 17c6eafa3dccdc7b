"""Formats, asked of a running service by their names and by the Accept header."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
import shapely.geometry

from tests.actors.harness import Running
from tests.http.test_api import problem
from tests.http.test_lists import service

__all__ = ["service"]

TYPES = {
    "json": "application/json",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
}
PLACED = (
    "/api/flights", "/api/controllers", "/api/transceivers", "/api/airports", "/api/firs",
    "/api/approaches",
    "/api/sectors",
)  # fmt: skip
UNPLACED = ("/api/atis", "/api/prefiles")
IDS = ("callsign", "icao", "id", "name")


def records(content: bytes, name: str, path: str) -> list[Any]:
    """The records of an answer, as far as its format tells them."""
    match name:
        case "json":
            return list(json.loads(content)[path.rsplit("/", 1)[-1]])
        case "geojson":
            return [feature["properties"] for feature in json.loads(content)["features"]]
        case "ndjson":
            return [json.loads(line) for line in content.splitlines()]
        case _:
            return list(csv.DictReader(StringIO(content.decode(), newline="")))


@pytest.mark.parametrize(
    ("path", "name"),
    [(path, name) for path in PLACED for name in TYPES]
    + [(path, name) for path in UNPLACED for name in TYPES if name != "geojson"],
)
def test_a_list_in_a_format_has_the_records_of_the_list(
    service: Running, path: str, name: str
) -> None:
    get = service.http.simulate_get
    plain = records(get(path).content, "json", path)
    assert len(plain) > 2
    by_name = get(path, query_string=f"format={name}")
    media_type = TYPES[name].partition(";")[0]
    accepted = get(path, headers={"Accept": f"{media_type}, text/html;q=0.5"})
    assert by_name.content == accepted.content
    assert by_name.headers["Content-Type"] == TYPES[name] == accepted.headers["Content-Type"]
    assert "accept" in by_name.headers["Vary"].lower().split(", ")
    found = records(by_name.content, name, path)
    if name == "csv":
        id_ = next(name for name in IDS if name in plain[0])
        assert [one[id_] for one in found] == [one[id_] for one in plain]
    else:
        assert found == plain


@pytest.mark.parametrize("name", ["csv", "ndjson"])
def test_a_page_in_lines_says_in_headers_where_it_goes_on(service: Running, name: str) -> None:
    get = service.http.simulate_get
    for path in ("/api/flights", "/api/sectors"):
        plain = get(path, query_string="limit=2").json
        first = get(path, query_string=f"limit=2&format={name}")
        assert first.headers["X-Total-Count"] == str(plain["total"])
        target, _, rel = first.headers["Link"].partition("; ")
        assert rel.replace('"', "") == "rel=next"
        second = get(target.strip("<>"))
        expected = get(path, query_string=f"limit=2&cursor={quote(plain['next_cursor'])}")
        wanted = records(expected.content, "json", path)
        assert len(records(second.content, name, path)) == len(wanted) == 2
        assert second.content != first.content
    last = get("/api/flights", query_string=f"limit=10000&format={name}")
    assert "Link" not in last.headers


@pytest.mark.parametrize("what", ["flights", "controllers"])
def test_one_record_in_a_format(service: Running, what: str) -> None:
    get = service.http.simulate_get
    callsign = get(f"/api/{what}").json[what][0]["callsign"]
    path = f"/api/{what}/{callsign}"
    plain = get(path).json
    feature = get(path, headers={"Accept": "application/geo+json"})
    assert feature.headers["Content-Type"] == TYPES["geojson"]
    assert (feature.json["type"], feature.json["properties"]) == ("Feature", plain)
    assert json.loads(get(path, query_string="format=ndjson").content) == plain
    (row,) = records(get(path, query_string="format=csv").content, "csv", path)
    assert row["callsign"] == callsign
    for name in TYPES:
        answer = get(path, query_string=f"format={name}")
        assert answer.headers["Content-Type"] == TYPES[name]
        assert "accept" in answer.headers["Vary"].lower().split(", ")


@pytest.mark.parametrize(
    ("path", "name"), [("airports", "icao"), ("firs", "id"), ("sectors", "name")]
)
def test_one_board_in_a_format(service: Running, path: str, name: str) -> None:
    get = service.http.simulate_get
    id_ = get(f"/api/{path}").json[path][0][name]
    one = f"/api/{path}/{id_}"
    plain = get(one)
    feature = get(one, headers={"Accept": "application/geo+json"})
    assert feature.headers["Content-Type"] == TYPES["geojson"]
    assert (feature.json["type"], feature.json["properties"]) == ("Feature", plain.json)
    assert get(one, query_string="format=ndjson").content == plain.content + b"\n"
    (row,) = records(get(one, query_string="format=csv").content, "csv", one)
    assert row[name] == id_
    assert row["updated_at"] == plain.json["updated_at"]
    problem(get(one, headers={"Accept": "image/png"}), 406)


def test_areas_are_polygons_as_rfc_7946_wants_them(service: Running) -> None:
    get = service.http.simulate_get
    for path in ("/api/firs", "/api/approaches", "/api/sectors"):
        features = get(path, query_string="format=geojson").json["features"]
        assert len({feature["id"] for feature in features}) == len(features) > 2
        for feature in features:
            assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon")
            shape = shapely.geometry.shape(feature["geometry"])
            assert shape.is_valid
            for part in shapely.get_parts(shape):
                assert part.exterior.is_ccw
                assert not any(hole.is_ccw for hole in part.interiors)
                west, south, east, north = part.bounds
                assert -180 <= west < east <= 180
                assert -90 <= south < north <= 90
    airport = get("/api/airports", query_string="format=geojson").json["features"][0]
    place = [airport["properties"]["longitude"], airport["properties"]["latitude"]]
    assert airport["geometry"] == {"type": "Point", "coordinates": place}


def test_an_approach_unit_has_the_stations_whose_position_it_is(service: Running) -> None:
    get = service.http.simulate_get
    units = {one["id"]: one for one in get("/api/approaches").json["approaches"]}
    working = get("/api/controllers").json["controllers"]
    wanted: dict[str, set[str]] = {name: set() for name in units}
    for one in working:
        for area in one["position"]["areas"]:
            wanted.get(area, set()).add(one["callsign"])
    assert any(wanted.values())
    found = {
        name: {station["callsign"] for station in unit["stations"]} for name, unit in units.items()
    }
    assert found == wanted
    counts = [len(unit["stations"]) for unit in units.values()]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    "path", ["/api/flights", "/api/atis", "/api/network", "/api/sectors", "/api/frequency-matches"]
)
@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0", "audio/*"])
def test_what_cannot_be_had_is_406(service: Running, path: str, accept: str) -> None:
    answer = service.http.simulate_get(path, headers={"Accept": accept})
    assert "application/json" in problem(answer, 406)["detail"]


@pytest.mark.parametrize("accept", ["*/*", "", "nonsense", "application/*", "text/html, */*;q=0.1"])
def test_who_takes_anything_gets_json(service: Running, accept: str) -> None:
    for path in ("/api/flights", "/api/atis", "/api/network"):
        answer = service.http.simulate_get(path, headers={"Accept": accept})
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.content == service.http.simulate_get(path).content


def test_the_name_of_a_format_comes_before_the_header(service: Running) -> None:
    get = service.http.simulate_get
    answer = get("/api/flights", query_string="format=csv", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TYPES["csv"])


@pytest.mark.parametrize(
    ("path", "query", "meant"),
    [
        ("/api/flights", "format=geojsn", "geojson"),
        ("/api/atis", "format=cvs", "csv"),
        # It has no places.
        ("/api/atis", "format=geojson", None),
        ("/api/flights/NOBODY", "format=xml", None),
    ],
)
def test_a_format_that_there_is_not_is_400(
    service: Running, path: str, query: str, meant: str | None
) -> None:
    found = problem(service.http.simulate_get(path, query_string=query), 400)
    assert found["parameter"] == "format"
    if meant is not None:
        assert found["did_you_mean"] == meant


def test_a_query_string_without_a_parameter_is_none(service: Running) -> None:
    for path in ("/api/flights", "/api/network"):
        answer = service.http.simulate_get(path, query_string="&")
        assert answer.content == service.http.simulate_get(path).content
