"""From a callsign to the position and its areas: each rule, and their order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.areas.area_file import oceanic_id, read_areas
from vatwatch.traffic.areas.positions import ControlPosition, MatchedRule, Positions, positions_of
from vatwatch.traffic.areas.vatspy import read_vatspy

VATSPY = """[Countries]
Germany|ED|Radar
[FIRs]
EDGG|Langen||EDGG
EDGG-K|Langen (Kitzingen)|EDGG_KTG|EDGG-KTG
EDGG-G|Langen (Gedern)|EDGG_GED|NOWHERE
EDMM|Muenchen Radar||EDMM
EDMM-A|Alb|EDMM_ALB|EDMM
EGTT|London|LON|EGTT
EGTT-S|London South|LON_S|EGTT
EGTT-M|London Daventry|LON_M|EGTT
KZNY|New York|NY|KZNY
[UIRs]
EURM|Maastricht|EDGG,EDMM-A,XXXX
"""
NAMES = ("EDGG", "EDGG-KTG", "EDMM", "EGTT", "KZNY")
RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def areas(*features: dict[str, object], kind: str) -> bytes:
    polygon = {"type": "Polygon", "coordinates": [RING]}
    return json.dumps(
        {"features": [{"properties": each, "geometry": polygon} for each in features]}
    ).encode()


FIRS = read_areas(
    areas(*({"id": name} for name in NAMES), {"id": "KZNY", "oceanic": "1"}, kind="fir"), "f", "fir"
)
TRACONS = read_areas(
    areas(
        {"id": "A80", "name": "Atlanta Approach", "prefix": ["ATL", "ATL_O"]},
        {"id": "A80", "name": "Atlanta Departure", "prefix": "ATL", "suffix": "DEP"},
        {"id": "EGSS", "name": "Essex", "prefix": "ESSEX", "frequency": 120.625},
        {"id": "EGGD", "name": "Bristol"},
        kind="tracon",
    ),
    "t",
    "tracon",
)
POSITIONS = positions_of(read_vatspy(VATSPY.encode(), "v"), FIRS.areas, TRACONS.areas)


@pytest.mark.parametrize(
    ("callsign", "rule", "prefix", "of"),
    [
        ("EDGG_CTR", MatchedRule.EXACT, "EDGG", ("EDGG",)),
        ("edgg_ktg_ctr ", MatchedRule.EXACT, "EDGG_KTG", ("EDGG-KTG",)),
        ("EDGG_GED_CTR", MatchedRule.EXACT, "EDGG_GED", ()),  # without a boundary
        ("LON_M_CTR", MatchedRule.EXACT, "LON_M", ("EGTT",)),  # a position, not a mentor
        ("EGTT_CTR", MatchedRule.EXACT, "EGTT", ("EGTT",)),  # by its own id, too
        ("EURM_CTR", MatchedRule.EXACT, "EURM", ("EDGG", "EDMM")),
        ("NY_CTR", MatchedRule.EXACT, "NY", ("KZNY",)),
        ("NY_FSS", MatchedRule.EXACT, "NY", (oceanic_id("KZNY"),)),
        ("LON_SC_CTR", MatchedRule.PREFIX, "LON_S", ("EGTT",)),
        ("EDGG_KTGX_CTR", MatchedRule.PREFIX, "EDGG_KTG", ("EDGG-KTG",)),
        ("EDGG_KTG_L_CTR", MatchedRule.PREFIX, "EDGG_KTG", ("EDGG-KTG",)),
        ("LON_1_CTR", MatchedRule.VARIANT, "LON", ("EGTT",)),
        ("LON__CTR", MatchedRule.VARIANT, "LON", ("EGTT",)),
        ("LON_S__CTR", MatchedRule.VARIANT, "LON_S", ("EGTT",)),
        ("LON_X_CTR", MatchedRule.VARIANT, "LON", ("EGTT",)),
        ("EDGG_M_CTR", MatchedRule.VARIANT, "EDGG", ("EDGG",)),
        ("EDGG_1_KTG_CTR", MatchedRule.VARIANT, "EDGG_KTG", ("EDGG-KTG",)),
        ("EDGG_X_KTGL_CTR", MatchedRule.VARIANT, "EDGG_KTG", ("EDGG-KTG",)),
        ("EDMM_1LB_CTR", MatchedRule.VARIANT, "EDMM_ALB", ("EDMM",)),
        ("EDGG_KT1_CTR", MatchedRule.VARIANT, "EDGG_KTG", ("EDGG-KTG",)),
        ("LON_QQ_CTR", MatchedRule.BASE, "LON", ("EGTT",)),
        ("ATL_APP", MatchedRule.EXACT, "ATL", ("A80",)),
        ("ATL_O_APP", MatchedRule.EXACT, "ATL_O", ("A80",)),
        ("ATL_DEP", MatchedRule.EXACT, "ATL", ("A80",)),
        ("ESSEX_DEP", MatchedRule.DEPARTURE, "ESSEX", ("EGSS",)),
        ("ESSEX_2_DEP", MatchedRule.DEPARTURE, "ESSEX", ("EGSS",)),
        ("EGGD_APP", MatchedRule.EXACT, "EGGD", ("EGGD",)),
    ],
)
def test_each_rule_finds_its_position(
    callsign: str, rule: MatchedRule, prefix: str, of: tuple[str, ...]
) -> None:
    found = POSITIONS.find(callsign)
    assert found.position is not None
    assert (found.rule, found.position.prefix, found.position.areas) == (rule, prefix, of)


@pytest.mark.parametrize(
    "callsign",
    ["", "_", "_CTR", "CTR", "EDDF_TWR", "XXXX_CTR", "EDG_CTR", "EDGGX_CTR", "ESSEX_CTR", "DLH123"],
)
def test_what_nobody_knows_is_unknown(callsign: str) -> None:
    found = POSITIONS.find(callsign)
    assert (found.rule, found.position) == (MatchedRule.UNKNOWN, None)


def test_the_frequency_is_the_last_that_is_looked_at_and_must_be_one_positions_alone() -> None:
    found = POSITIONS.find("STANSTED_APP", 120_625_000)
    assert found.position is not None
    assert (found.rule, found.position.name) == (MatchedRule.FREQUENCY, "Essex")
    assert POSITIONS.find("ATL_APP", 120_625_000).rule is MatchedRule.EXACT
    assert POSITIONS.find("STANSTED_APP", 120_635_000).rule is MatchedRule.UNKNOWN
    assert POSITIONS.find("STANSTED_CTR", 120_625_000).rule is MatchedRule.UNKNOWN
    twice = [ControlPosition(name, name, (), 120_625_000) for name in ("A", "B")]
    assert Positions({"APP": twice}).find("C_APP", 120_625_000).rule is MatchedRule.UNKNOWN


def test_a_frequency_counts_in_any_spelling_of_its_channel() -> None:
    for spelled in (120_620_000, 120_625_010, 120_630_000):
        assert POSITIONS.find("STANSTED_APP", spelled).rule is MatchedRule.FREQUENCY
    assert POSITIONS.find("STANSTED_APP", 199_998_000).rule is MatchedRule.UNKNOWN


def test_a_centre_is_found_by_the_frequency_of_its_area() -> None:
    firs = read_areas(areas({"id": "EDGG", "frequency": "127.725"}, kind="fir"), "f", "fir").areas
    positions = positions_of(read_vatspy(VATSPY.encode(), "v"), firs, ())
    found = positions.find("LANGEN_CTR", 127_725_000)
    assert found.position is not None
    assert (found.rule, found.position.areas) == (MatchedRule.FREQUENCY, ("EDGG",))


def test_without_vatspys_file_the_ids_of_areas_are_the_callsigns() -> None:
    positions = positions_of(None, FIRS.areas, ())
    for callsign, area in {"EDGG_KTG_CTR": "EDGG-KTG", "KZNY_FSS": oceanic_id("KZNY")}.items():
        found = positions.find(callsign)
        assert found.position is not None
        assert (found.rule, found.position.areas) == (MatchedRule.EXACT, (area,))


def test_a_digit_that_may_stand_for_several_letters_tells_nothing() -> None:
    both = [ControlPosition(f"EDMM_{name}", name, ()) for name in ("ALB", "BLB")]
    assert Positions({"CTR": both}).find("EDMM_1LB_CTR").rule is MatchedRule.UNKNOWN


def test_a_centre_is_called_as_in_its_country() -> None:
    names = [POSITIONS.find(name).position for name in ("EDGG_CTR", "EDMM_CTR", "LON_CTR")]
    assert [each and each.name for each in names] == [
        "Langen Radar",
        "Muenchen Radar",
        "London Centre",
    ]


def test_without_files_everything_is_unknown() -> None:
    assert positions_of(None, (), ()).find("EDGG_CTR", 1).rule is MatchedRule.UNKNOWN


@given(st.text("EDGLONSKT_12MXCR", max_size=16) | st.text(max_size=8), st.none() | st.integers())
def test_any_callsign_has_an_answer(callsign: str, frequency_hz: int | None) -> None:
    for suffix in ("", "_CTR", "_DEP"):
        found = POSITIONS.find(callsign + suffix, frequency_hz)
        assert (found.position is None) == (found.rule is MatchedRule.UNKNOWN)
