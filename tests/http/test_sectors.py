"""Sectors, asked of a running service."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.actors.harness import Running, running, until
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.http.test_api import problem
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, write_areas
from vatwatch.live.sector_views import NO_SECTORS

GIVEN = updates(4)
MINUTE = timedelta(minutes=1)
NAMES = ("North Sea", "EDGG/High West", "Åland 50%", "LSAS")


def world_of(*names: str, warning: int | None = 7, floor: str | None = "FL100") -> bytes:
    """A file in which each sector is all of the airspace."""
    ring = [[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]
    features = [
        {
            "type": "Feature",
            "properties": {"name": name, "floor": floor, "ceiling": 66_000, "warning": warning},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for name in names
    ]
    return json.dumps({"type": "FeatureCollection", "cycle": "2612", "features": features}).encode()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service without its database: with the simulator's areas, and some sectors on top."""
    home = tmp_path_factory.mktemp("sectors")
    write_areas(home / "areas")
    (home / "world.geojson").write_bytes(world_of(*NAMES))
    sectors = [home / "areas" / name for name in SECTORS] + [home / "world.geojson"]
    environment = {
        "VATWATCH_POSITIONS_DATA": ",".join(str(home / "areas" / name) for name in POSITIONS_DATA),
        "VATWATCH_SECTORS": ",".join(map(str, sectors)),
    }
    with running(home, NOWHERE, **environment) as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        get = service.http.simulate_get
        until(lambda: get("/api/sectors").json["total"] > 100, "the areas are in use")
        for publication in GIVEN[1:]:
            service.hand_in(publication)
        service.until_served(time_of(GIVEN[-1]))
        yield service


def test_the_list_has_all_and_the_busiest_first(service: Running) -> None:
    found = service.http.simulate_get("/api/sectors").json
    assert list(found) == ["updated_at", "count", "total", "next_cursor", "sectors"]
    assert found["updated_at"] == service.http.simulate_get("/api/flights").json["updated_at"]
    assert found["count"] == found["total"] == len(found["sectors"])
    loads = [sector["load"] for sector in found["sectors"]]
    assert loads == sorted(loads, reverse=True)
    assert loads[0] > 3


@pytest.mark.parametrize("name", NAMES)
def test_a_sector_is_found_by_its_name_however_it_is_spelled(service: Running, name: str) -> None:
    spelled = (name, name.lower(), name.upper())
    for path in (quote(one, safe=safe) for one in spelled for safe in ("", "/")):
        found = service.http.simulate_get(f"/api/sectors/{path}").json
        assert found["name"] == name
        assert (found["kind"], found["floor_ft"], found["ceiling_ft"]) == ("sector", 10_000, 66_000)
        assert (found["source"], found["cycle"], found["warning"]) == ("world.geojson", "2612", 7)


def test_a_sector_tells_who_is_in_it_and_how_many_are_expected(service: Running) -> None:
    found = service.http.simulate_get("/api/sectors/north%20sea").json
    high = [
        flight["callsign"]
        for flight in service.http.simulate_get("/api/flights").json["flights"]
        if 10_000 <= flight["altitude"] < 66_000
    ]
    assert found["now"] == sorted(high)
    assert found["load"] == len(high) > 3
    assert list(found["expected"][0]) == ["time", "load"]
    assert len(found["expected"]) == 12
    assert found["expected"][0]["load"] > 3


def test_a_sector_comes_before_a_fir_of_its_name_unless_the_kind_is_asked_for(
    service: Running,
) -> None:
    get = service.http.simulate_get
    (fir,) = [
        each["name"]
        for each in get("/api/sectors?kind=fir").json["sectors"]
        if each["name"] == "LSAS"
    ]
    assert get(f"/api/sectors/{fir}").json["kind"] == "sector"
    assert get(f"/api/sectors/{fir}?kind=sector").json["kind"] == "sector"
    assert get(f"/api/sectors/{fir}?kind=fir").json["kind"] == "fir"
    problem(get("/api/sectors/North%20Sea?kind=fir"), 404)


def test_pages_and_kinds(service: Running) -> None:
    get = service.http.simulate_get
    for kind in ("", "&kind=fir", "&kind=sector"):
        whole = get(f"/api/sectors?limit=10000{kind}").json
        first = get(f"/api/sectors?limit=2{kind}").json
        assert (first["count"], first["total"]) == (2, whole["total"])
        second = get(f"/api/sectors?limit=3&cursor={first['next_cursor']}{kind}").json
        assert [*first["sectors"], *second["sectors"]] == whole["sectors"][:5]


@pytest.mark.parametrize("path", ["/api/sectors", "/api/sectors/EDGG%2FHigh%20West"])
def test_an_answer_has_an_etag_and_is_compressed_for_who_takes_it(
    service: Running, path: str
) -> None:
    plain = service.http.simulate_get(path)
    packed = service.http.simulate_get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.content) == plain.content
    known = service.http.simulate_get(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert known.status_code == 304


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("Noth%20Sea", "North Sea"),
        ("EDGG/High%20Wst", "EDGG/High West"),
        ("%00", None),
        ("A" * 3000, None),
    ],
)
def test_an_unknown_sector_is_not_found_and_the_one_that_was_meant_is_told(
    service: Running, path: str, hint: str | None
) -> None:
    said = problem(service.http.simulate_get(f"/api/sectors/{path}"), 404)
    assert said.get("did_you_mean") == hint


@pytest.mark.parametrize(
    ("query", "parameter", "hint"),
    [
        ("knid=fir", None, "kind"),
        ("kind=firs", "kind", "fir"),
        ("limit=0", "limit", None),
        ("limit=10001", "limit", None),
        ("cursor=zz", "cursor", None),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    service: Running, query: str, parameter: str | None, hint: str | None
) -> None:
    said = problem(service.http.simulate_get(f"/api/sectors?{query}"), 400)
    assert parameter is None or said["parameter"] == parameter
    assert said.get("did_you_mean") == hint


def test_without_files_the_list_is_empty_and_says_how_to_get_one(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        found = service.http.simulate_get("/api/sectors").json
        assert (found["count"], found["sectors"], found["note"]) == (0, [], NO_SECTORS)
        said = problem(service.http.simulate_get("/api/sectors/LSAS"), 404)
        assert "VATWATCH_SECTORS" in said["detail"]


# --- by the minute --------------------------------------------------------------------------------


def test_without_the_database_the_occupancy_is_503(service: Running) -> None:
    for name in ("North%20Sea", "EDGG%2FHigh%20West", "Nowhere"):
        problem(service.http.simulate_get(f"/api/sectors/{name}/occupancy"), 503)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("form=2026-01-01T12:00:00Z", None),
        ("from=yesterday", "from"),
        ("from=2026-01-01T12:00:00Z&to=2026-01-01T12:00:00Z", "to"),
        ("from=2026-01-01T12:00:00Z&to=2026-01-02T12:00:01Z", "to"),
        ("to=0001-01-01T00:00:00Z", "to"),
        ("from=9999-12-31T23:59:59Z", "to"),
        ("kind=firs", "kind"),
    ],
)
def test_a_period_that_is_wrong_is_refused(
    service: Running, query: str, parameter: str | None
) -> None:
    for name in ("North%20Sea", "EDGG%2FHigh%20West"):
        said = problem(service.http.simulate_get(f"/api/sectors/{name}/occupancy?{query}"), 400)
        assert parameter is None or said["parameter"] == parameter


def test_the_occupancy_has_each_minute_with_the_flights_of_its_snapshots(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "world.geojson").write_bytes(world_of(*NAMES))
    environment = {"VATWATCH_SECTORS": tmp_path / "world.geojson"}
    with running(tmp_path, database_url, **environment) as service:
        get = service.http.simulate_get
        service.hand_in(GIVEN[0])
        service.until_stored(time_of(GIVEN[0]))
        until(lambda: get("/api/sectors").json["total"] == len(NAMES), "the areas are in use")
        for publication in GIVEN[1:]:
            service.hand_in(publication)
            service.until_stored(time_of(publication))
        load = get("/api/sectors/North%20Sea").json["load"]
        last = time_of(GIVEN[-1]).replace(second=0, microsecond=0)
        period = {"from": f"{last - MINUTE:%FT%TZ}", "to": f"{last + MINUTE:%FT%TZ}"}
        for name in NAMES[:3]:
            found = get(f"/api/sectors/{quote(name, safe='')}/occupancy", params=period).json
            assert {key: found[key] for key in period} == period
            assert (found["name"], found["kind"], found["count"]) == (name, "sector", 2)
            times = [each["time"] for each in found["minutes"]]
            assert times == [period["from"], f"{last:%FT%TZ}"]
            assert found["minutes"][-1]["load"] >= load > 0
        lower = get("/api/sectors/edgg/high%20west/occupancy", params=period).json
        assert lower["name"] == "EDGG/High West"
        hour = get("/api/sectors/North%20Sea/occupancy").json
        assert 60 <= hour["count"] <= 61
        until_only = get("/api/sectors/North%20Sea/occupancy", params={"to": period["to"]}).json
        assert (until_only["count"], until_only["minutes"][-2:]) == (60, found["minutes"])
        said = problem(get("/api/sectors/Noth%20Sea/occupancy"), 404)
        assert said["did_you_mean"] == "North Sea"
        problem(get("/api/sectors/%00/occupancy"), 404)
