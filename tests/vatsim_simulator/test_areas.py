"""The invented areas: as real ones in form, and clean where nobody asked for faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from tests.vatsim_simulator.client import Client
from tests.vatsim_simulator.conftest import START
from vatsim_simulator.area_faults import PUT
from vatsim_simulator.areas import BOUNDARIES, SECTORS, TRACONS, VATSPY, area_files, write_areas
from vatsim_simulator.fir_cells import fir_of_cell, firs
from vatsim_simulator.places import places
from vatsim_simulator.world import World
from vatwatch.traffic.areas.area_file import Area, AreaFile, read_areas
from vatwatch.traffic.areas.mended_geometry import Mended
from vatwatch.traffic.areas.positions import MatchedRule, Positions, positions_of
from vatwatch.traffic.areas.vatspy import VatspyFile, read_vatspy

# Square degrees: what rounding to four places makes of cuts.
A_HAIR = 1e-4


def read(*, faulty: bool = False) -> tuple[VatspyFile, AreaFile, AreaFile]:
    files = area_files(faulty=faulty)
    return (
        read_vatspy(files[VATSPY], VATSPY),
        read_areas(files[BOUNDARIES], BOUNDARIES, "fir"),
        read_areas(files[TRACONS], TRACONS, "tracon"),
    )


@pytest.fixture(scope="module")
def positions() -> Positions:
    vatspy, boundaries, tracons = read()
    return positions_of(vatspy, boundaries.areas, tracons.areas)


def sectors(*, faulty: bool = False) -> list[dict[str, Any]]:
    files = area_files(faulty=faulty)
    return [one for name in SECTORS for one in msgspec.json.decode(files[name])["features"]]


def named(name: str) -> dict[str, Any]:
    return next(one for one in sectors() if one["properties"]["name"] == name)


def test_nothing_in_the_files_is_to_be_mended() -> None:
    vatspy, boundaries, tracons = read()
    assert (vatspy.unreadable, boundaries.mended, tracons.mended) == (0, Mended(), Mended())
    for sector in sectors():
        geometry = shape(sector["geometry"])
        assert geometry.is_valid, sector["properties"]
        assert -180 <= geometry.bounds[0] < geometry.bounds[2] <= 180


def test_no_region_and_no_approach_lies_over_another_one() -> None:
    _, boundaries, tracons = read()
    alone = [area for area in tracons.areas if area.suffix != "DEP"]
    for areas in (boundaries.areas, alone):
        assert overlapping([area.geometry for area in areas]) == []


def overlapping(shapes: list[BaseGeometry]) -> list[tuple[int, int]]:
    tree = shapely.STRtree(shapes)
    pairs = zip(*tree.query(shapes, predicate="intersects").tolist(), strict=True)
    return [
        (one, other)
        for one, other in pairs
        if one < other and shapes[one].intersection(shapes[other]).area > A_HAIR
    ]


def test_each_square_is_in_one_region_and_the_boundaries_are_made_of_them() -> None:
    _, boundaries, _ = read()
    by_id = {area.area_id: area for area in boundaries.areas}
    for fir in firs():
        assert by_id[fir.fir_id].geometry.area == pytest.approx(4 * len(fir.cells))
        for row, column in fir.cells:
            assert contains(by_id[fir.fir_id], 2 * row + 1, 2 * column + 1)
    assert sum(len(fir.cells) for fir in firs()) == len(fir_of_cell())


def contains(area: Area, latitude: float, longitude: float) -> bool:
    return bool(shapely.contains_xy(area.geometry, longitude, latitude))


def test_an_ocean_over_the_180th_meridian_is_cut_there_and_is_the_twin_of_a_region() -> None:
    _, boundaries, _ = read()
    by_id = {area.area_id: area for area in boundaries.areas}
    auckland, ocean = by_id["NZZC"], by_id["NZZC-OCEANIC"]
    assert (auckland.oceanic, ocean.oceanic) == (False, True)
    assert ocean.geometry.bounds[::2] == (-180, 180)
    assert contains(ocean, -20, 179)
    assert contains(ocean, -20, -170)
    assert contains(auckland, -37, 175)
    assert not contains(ocean, -37, 175)


def test_every_airport_of_the_traffic_is_in_the_file_with_its_region() -> None:
    vatspy, boundaries, _ = read()
    by_id = {area.area_id: area for area in boundaries.areas}
    told = {airport.icao: airport for airport in vatspy.airports}
    assert {hub.icao for hub in places().hubs} <= told.keys()
    for airport in vatspy.airports:
        if airport.fir:
            assert contains(by_id[airport.fir], airport.latitude, airport.longitude), airport
    assert told["EDDF"].fir == "EDGG"


def test_every_station_of_the_traffic_has_a_position(positions: Positions) -> None:
    world = World(2, 600, START)
    unknown, rules = [], set()
    for controller in world.feed().controllers:
        if controller.callsign.rsplit("_", 1)[-1] not in ("CTR", "FSS", "APP", "DEP"):
            continue
        found = positions.find(controller.callsign)
        rules.add(found.rule)
        if found.position is None or not found.position.areas:
            unknown.append(controller.callsign)
    assert unknown == []
    assert {MatchedRule.EXACT, MatchedRule.BASE} <= rules


def test_positions_have_the_areas_that_are_meant(positions: Positions) -> None:
    def areas(callsign: str) -> tuple[str, ...]:
        position = positions.find(callsign).position
        assert position is not None
        return position.areas

    assert areas("LON_S_CTR") == ("EG-LON-S",)
    assert set(areas("EDUU_E_CTR")) == {"EDGG", "EDMM"}
    assert areas("NZZC_FSS") == ("NZZC-OCEANIC",)
    assert areas("LZBB_CTR") == ("LKAA",)
    assert areas("EGKK_APP") == areas("EGLL_APP") == ("EGLL",)
    assert areas("JFK_DEP") == ("KJFK_DEP",)


def test_sectors_have_every_form() -> None:
    low, west, east = (named(f"EDMM {which}") for which in ("Low", "High West", "High East"))
    assert "floor" not in low["properties"]
    assert low["properties"]["ceiling"] == west["properties"]["floor"] == 24_500
    assert shape(west["geometry"]).touches(shape(east["geometry"]))
    assert "ceiling" not in named("Upper")["properties"]
    holed, approach = (
        shape(named("EDGG Low")["geometry"]),
        shape(named("EDDF Approach")["geometry"]),
    )
    assert sum(len(part.interiors) for part in holed.geoms) == 1
    assert holed.touches(approach)
    upper = shape(named("Upper")["geometry"])
    assert upper.intersection(shape(named("EDGG High West")["geometry"])).area > 1
    pacific = shape(named("Pacific")["geometry"])
    assert pacific.bounds[::2] == (-180, 180)
    assert len(pacific.geoms) == 2


def test_faults_are_put_where_they_were_asked_for_and_what_is_meant_stays() -> None:
    vatspy, boundaries, _ = read()
    spoilt_vatspy, spoilt, _ = read(faulty=True)
    assert spoilt_vatspy.unreadable == 2
    assert (spoilt_vatspy.firs, spoilt_vatspy.uirs) == (vatspy.firs, vatspy.uirs)
    found = msgspec.structs.asdict(spoilt.mended)
    assert {name: found[name] for name in PUT} == PUT
    clean = {area.area_id: area.geometry for area in boundaries.areas}
    assert {area.area_id for area in spoilt.areas} == clean.keys()
    for area in spoilt.areas:
        assert area.geometry.symmetric_difference(clean[area.area_id]).area < 0.02, area.area_id
    files = area_files(faulty=True)
    for name in SECTORS:
        mended = read_areas(with_ids(files[name]), name, "sector").mended
        assert (mended.open_rings, mended.unusable) == (1, 1)
        assert mended.over_the_antimeridian == (1 if "wide" in name else 0)


def with_ids(data: bytes) -> bytes:
    document = msgspec.json.decode(data)
    for feature in document["features"]:
        feature["properties"]["id"] = feature["properties"]["name"]
    return msgspec.json.encode(document)


def test_the_files_are_written_as_they_are_served(client: Client, tmp_path: Path) -> None:
    write_areas(tmp_path / "areas")
    written = {file.name: file.read_bytes() for file in (tmp_path / "areas").iterdir()}
    assert written == area_files()
    told = client.ask("/areas").json()["files"]
    assert [address.rpartition("/")[2] for address in told] == list(area_files())
    for address in told:
        path = address.removeprefix(f"http://127.0.0.1:{client.port}")
        answer = client.ask(path)
        assert answer.status == 200
        assert answer.body == written[path.rpartition("/")[2]]


def test_a_file_that_is_known_is_not_sent_again(client: Client) -> None:
    path = f"/areas/{BOUNDARIES}"
    first = client.ask(path)
    assert first.headers["Content-Type"] == "application/geo+json"
    again = client.ask(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert client.ask(path, headers={"If-None-Match": '"other"'}).status == 200


def test_there_is_no_other_file(client: Client) -> None:
    answer = client.ask("/areas/Nowhere.geojson")
    assert answer.status == 404
    assert BOUNDARIES in answer.json()["detail"]
    assert client.ask(f"/areas/{VATSPY}", "POST", b"x").status == 405
