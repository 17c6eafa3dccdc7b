"""Sectors from GeoJSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely

from vatwatch.traffic.areas.volumes import SectorFile, Volume, read_sectors

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
BESIDE = [[10, 0], [20, 0], [20, 10], [10, 10], [10, 0]]


def feature(ring: list[Any] = SQUARE, /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def read(*features: object) -> SectorFile:
    document = {"type": "FeatureCollection", "features": [*features]}
    return read_sectors(json.dumps(document).encode(), "sectors.geojson")


def one(given: object) -> Volume:
    (volume,) = read(given).volumes
    return volume


def test_a_sector_has_what_its_feature_says() -> None:
    file = read(feature(name="Alpha Low", floor=0, ceiling="FL245", warning=12))
    (volume,) = file.volumes
    assert (volume.kind, volume.name, volume.warning) == ("sector", "Alpha Low", 12)
    assert (volume.floor_ft, volume.ceiling_ft) == (0, 24_500)
    assert (volume.source, volume.cycle) == ("sectors.geojson", file.digest)
    assert volume.geometry.equals(shapely.box(0, 0, 10, 10))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ({"floor_ft": 9500}, {"ceiling_ft": 24500}),
        ({"floor_fl": 95}, {"ceiling_fl": 245}),
        ({"FLOOR": "FL95"}, {"Ceiling": "FL245"}),
        ({"lower": 9500}, {"upper": "24500 ft"}),
        ({"lower_limit": "FL095"}, {"upperLimit": {"value": 245, "unit": 6}}),
    ],
)
def test_floor_and_ceiling_are_read_under_the_names_in_use(
    low: dict[str, Any], high: dict[str, Any]
) -> None:
    volume = one(feature(**low, **high))
    assert (volume.floor_ft, volume.ceiling_ft) == (9_500, 24_500)


def test_a_sector_without_levels_has_no_bounds() -> None:
    volume = one(feature(name="A"))
    assert (volume.floor_ft, volume.ceiling_ft, volume.warning) == (None, None, None)


def test_a_level_that_cannot_be_read_is_no_bound_and_is_told() -> None:
    file = read(feature(name="A", floor="by NOTAM", ceiling="FL100"))
    assert (file.volumes[0].floor_ft, file.volumes[0].ceiling_ft) == (None, 10_000)
    assert file.mended.levels == 1
    assert file.mended.told == ("feature 0: 'by NOTAM' is not a level",)


@pytest.mark.parametrize("said", ["many", 0, -3, [], {}])
def test_a_warning_that_is_no_number_of_aircraft_is_none_and_is_told(said: object) -> None:
    file = read(feature(name="A", warning=said))
    assert file.volumes[0].warning is None
    assert file.mended.levels == 1


def test_a_sector_whose_floor_is_not_below_its_ceiling_is_left_out() -> None:
    file = read(feature(name="A", floor=20_000, ceiling=10_000), feature(name="B"))
    assert [each.name for each in file.volumes] == ["B"]
    assert file.mended.unusable == 1


@pytest.mark.parametrize(
    "properties", [{"name": "A1"}, {"id": "A1"}, {"ident": "A1"}, {"name": " ", "id": "A1"}]
)
def test_a_sector_has_the_first_name_that_it_is_given(properties: dict[str, Any]) -> None:
    assert one(feature(**properties)).name == "A1"


def test_a_sector_may_be_named_by_its_feature() -> None:
    assert one({**feature(), "id": 7}).name == "7"


def test_a_sector_without_a_name_keeps_its_name_when_others_come_and_go() -> None:
    named = one(feature()).name
    assert named.startswith("unnamed-")
    assert [each.name for each in read(feature(BESIDE), feature()).volumes][1] == named
    assert one({**feature(), "properties": None}).name == named
    assert one(feature(BESIDE)).name != named


def test_features_of_one_name_and_height_are_one_volume() -> None:
    file = read(feature(name="Alpha", warning=9), feature(BESIDE, name="ALPHA", warning=8))
    (volume,) = file.volumes
    assert (volume.name, volume.geometry.area, volume.warning) == ("Alpha", 200, 8)
    assert file.mended.same_ids == 1


def test_features_of_one_name_and_several_heights_are_several_volumes_of_one_sector() -> None:
    file = read(feature(name="A", ceiling=100), feature(BESIDE, name="a", floor=100))
    assert [(each.name, each.floor_ft) for each in file.volumes] == [("A", None), ("A", 100)]
    assert file.mended.same_ids == 0


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"features": 3}', b"\xff", b'{"features": [{}, null]}']
)
def test_what_is_no_file_of_sectors_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"sectors\.geojson"):
        read_sectors(content, "sectors.geojson")


def test_a_ring_around_a_pole_is_the_cap() -> None:
    ring = [[0, 80], [90, 80], [180, 80], [-90, 80], [0, 80]]
    north = one(feature(ring)).geometry
    south = one(feature([[x, -y] for x, y in ring])).geometry
    assert north.equals(shapely.box(-180, 80, 180, 90))
    assert south.equals(shapely.box(-180, -90, 180, -80))
