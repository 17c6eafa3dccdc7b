"""All files of the operator as one value, equal if the files are; the first of two is taken."""

from __future__ import annotations

import shapely

from vatwatch.traffic.areas.area_file import Area
from vatwatch.traffic.areas.known_areas import (
    NO_AREAS,
    REMEMBERED,
    AreaSource,
    KnownAreas,
    ReadFile,
    known_areas,
)
from vatwatch.traffic.areas.mended_geometry import Mended
from vatwatch.traffic.areas.positions import MatchedRule
from vatwatch.traffic.areas.vatspy import read_vatspy
from vatwatch.traffic.areas.volumes import read_sectors

VATSPY = read_vatspy(
    b"""[Countries]
Nowhere|AA|Radar
[Airports]
AAAX|Alpha|1|1|ALP|AAAA|0
AAAX|Alpha again|1|1|ALP|BBBB|0
AALP|Alpha by its code|1|1|ALP|AAAA|1
BBBX|Bravo|2|2||BBBB|0
CCCX|Charlie|2|2||CCCC|0
[FIRs]
AAAA-E|Alpha East|AAA_E|AAAA
AAAA|Alpha||AAAA
BBBB|Bravo||BBBB-LAND
""",
    "VATSpy.dat",
)


def area(area_id: str, kind: str = "fir", **of: object) -> Area:
    said: dict[str, object] = {
        "name": area_id, "oceanic": False, "prefixes": (), "suffix": None, "frequency_hz": None,
        "geometry": shapely.box(0, 0, 1, 1),
    }  # fmt: skip
    return Area(area_id=area_id, kind=kind, **{**said, **of})  # type: ignore[arg-type]


def read_file(kind: str, *areas: Area, name: str = "a file", digest: str = "d") -> ReadFile:
    source = AreaSource(name, kind, digest, len(areas), Mended())
    return ReadFile(source, digest, VATSPY if kind == "vatspy" else None, areas)


def known(*files: ReadFile) -> KnownAreas:
    return known_areas(files)


def test_without_files_nothing_is_known_and_every_station_is_a_circle() -> None:
    assert known() is NO_AREAS
    assert NO_AREAS.digest == ""
    assert NO_AREAS.position_of("AAAA_CTR", None).rule is MatchedRule.UNKNOWN
    assert NO_AREAS.fir_of_airport("AAAX") is None


def test_areas_of_the_same_files_are_equal_and_of_others_are_not() -> None:
    one = known(read_file("fir", area("AAAA")))
    assert one == known(read_file("fir", area("AAAA")))
    assert hash(one) == hash(known(read_file("fir", area("AAAA"))))
    assert one != known(read_file("fir", area("AAAA"), digest="another"))
    assert one != known(read_file("fir", area("AAAA"), name="another"))
    assert one != NO_AREAS


def test_a_position_is_found_with_the_prefixes_of_one_file_and_the_areas_of_another() -> None:
    areas = known(read_file("vatspy"), read_file("fir", area("AAAA"), area("BBBB-LAND")))
    found = areas.position_of("BBBB_1_CTR", None)
    assert found.position is not None
    assert (found.rule, found.position.areas) == (MatchedRule.VARIANT, ("BBBB-LAND",))
    assert areas.position_of("BBBB_1_CTR", None) is found


def test_what_is_remembered_of_stations_is_bounded() -> None:
    areas = known(read_file("vatspy"), read_file("fir", area("AAAA")))
    first = areas.position_of("AAAA_CTR", 0)
    for hertz in range(1, REMEMBERED + 1):
        areas.position_of("AAAA_CTR", hertz)
    assert areas.position_of("AAAA_CTR", 0) == first
    assert areas.position_of("AAAA_CTR", 0) is not first


def test_of_two_files_with_one_id_the_first_is_taken() -> None:
    ours, theirs = area("AAAA", name="ours"), area("AAAA", name="theirs")
    areas = known(read_file("fir", ours), read_file("fir", theirs, area("BBBB")))
    assert areas.areas["AAAA"].name == "ours"
    assert set(areas.areas) == {"AAAA", "BBBB"}


def test_an_approach_unit_keeps_an_id_of_its_own() -> None:
    areas = known(
        read_file("fir", area("AAAA")),
        read_file(
            "tracon",
            area("AAAA", "tracon", prefixes=("AAAX",)),
            area("SCT", "tracon", prefixes=("SCT",), suffix="APP"),
            area("SCT", "tracon", prefixes=("SCT",), suffix="DEP"),
            area("SCT", "tracon", prefixes=("SAN", "SDM")),
            area("SCT", "tracon", prefixes=("SAN",), suffix="TWR"),
        ),
        read_file("tracon", area("SCT", "tracon", prefixes=("SAN", "SDM"), name="again")),
    )
    wanted = {
        "AAAX_APP": "AAAA-AAAX",
        "SCT_APP": "SCT",
        "SCT_DEP": "SCT-DEP",
        "SDM_APP": "SCT-SAN",
        "SAN_TWR": "SCT-TWR",
    }
    assert set(areas.areas) == {"AAAA", *wanted.values()}
    for callsign, area_id in wanted.items():
        found = areas.position_of(callsign, None).position
        assert found is not None
        assert found.areas == (area_id,)


def test_an_airport_is_in_the_area_of_its_fir_whatever_that_areas_id_is() -> None:
    areas = known(read_file("vatspy"), read_file("fir", area("AAAA"), area("BBBB-LAND")))
    assert areas.fir_of_airport("aaax") == "AAAA"  # the first of two rows
    assert areas.fir_of_airport("BBBX") == "BBBB-LAND"
    assert areas.fir_of_airport("CCCX") is None  # no file has its FIR
    assert areas.fir_of_airport("AALP") is None  # no airport: a name that callsigns begin with


def test_a_fir_has_its_own_name_or_that_of_vatspy_or_else_its_id() -> None:
    firs = read_file(
        "fir",
        area("AAAA"),
        area("AAAA-OCEANIC", name="AAAA", oceanic=True),
        area("BBBB-LAND"),
        area("CCCC", name="Charlie"),
        area("DDDD"),
    )
    areas = known(read_file("vatspy"), firs).areas
    assert {area_id: one.name for area_id, one in areas.items()} == {
        "AAAA": "Alpha",
        "AAAA-OCEANIC": "Alpha",
        "BBBB-LAND": "Bravo",
        "CCCC": "Charlie",
        "DDDD": "DDDD",
    }
    assert known(firs).areas["AAAA"].name == "AAAA"


def test_the_volumes_are_the_firs_and_the_sectors_of_all_files() -> None:
    sectors = read_sectors(
        b'{"features": [{"properties": {"name": "Low"}, "geometry": {"type": "Polygon",'
        b' "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}}]}',
        "low.geojson",
    )
    source = AreaSource(sectors.name, "sector", sectors.digest, 1, sectors.mended)
    known = known_areas(
        [
            read_file("fir", area("AAAA"), name="firs", digest="1"),
            read_file("tracon", area("AAAA", "tracon"), digest="2"),
            ReadFile(source, sectors.digest, sectors=sectors.volumes),
        ]
    )
    assert [(each.kind, each.name, each.source) for each in known.volumes] == [
        ("fir", "AAAA", "firs"),
        ("sector", "Low", "low.geojson"),
    ]
    assert [each.name for each in known.sector_map.sectors] == ["AAAA", "Low"]


def test_an_airport_of_which_the_files_say_nothing_is_in_the_area_of_its_place() -> None:
    germany = area("EDXX", geometry=shapely.box(5, 47, 15, 55))
    areas = known(read_file("fir", germany))
    assert areas.fir_of_airport("eddf") == "EDXX"
    assert areas.fir_of_airport("KJFK") is None
    assert areas.fir_of_airport("NONE") is None


def test_each_area_and_its_volume_name_the_file_that_was_taken_and_its_cycle() -> None:
    found = known(
        read_file("fir", area("AAAA"), name="one", digest="2608"),
        read_file("fir", area("AAAA"), area("BBBB"), name="two", digest="2607"),
        read_file("tracon", area("AAAA", "tracon", prefixes=("AAA",)), name="three", digest="v1"),
    )
    assert {name: (each.kind, each.source, each.cycle) for name, each in found.areas.items()} == {
        "AAAA": ("fir", "one", "2608"),
        "BBBB": ("fir", "two", "2607"),
        "AAAA-AAA": ("tracon", "three", "v1"),
    }
    assert [(each.name, each.source, each.cycle) for each in found.volumes] == [
        ("AAAA", "one", "2608"),
        ("BBBB", "two", "2607"),
    ]
