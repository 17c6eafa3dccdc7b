"""Type, wake category and equipment of the aircraft in a plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.equipment import (
    Aircraft,
    equipment_codes,
    read_aircraft,
    surveillance_codes,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "B738/M-SDE2E3FGHIRWXY/LB1",
            Aircraft(
                "B738",
                "M",
                ("S", "D", "E2", "E3", "F", "G", "H", "I", "R", "W", "X", "Y"),
                ("L", "B1"),
            ),
        ),
        (
            "A388/J-SDJ3J4M1P2/LB1D1G1",
            Aircraft("A388", "J", ("S", "D", "J3", "J4", "M1", "P2"), ("L", "B1", "D1", "G1")),
        ),
        ("GLID/L-N/N", Aircraft("GLID", "L", ("N",), ("N",))),
        ("C172/L-SDFGR/S", Aircraft("C172", "L", ("S", "D", "F", "G", "R"), ("S",))),
        ("SR22/L-", Aircraft("SR22", "L")),
        ("A319/M-L", Aircraft("A319", "M", ("L",))),
        ("K100/?-VGD/C", Aircraft("K100", None, ("V", "G", "D"), ("C",))),
        ("ZZZZ/L-V/C", Aircraft(None, "L", ("V",), ("C",))),
        ("H/B773/Q", Aircraft("B773", "H", faa_equipment="Q")),
        ("J/A388/L", Aircraft("A388", "J", faa_equipment="L")),
        ("H/DC3", Aircraft("DC3", "H")),
        ("T/A21N", Aircraft("A21N")),
        # The FAA's letter, not a wake category.
        ("B738/L", Aircraft("B738", faa_equipment="L")),
        ("B748/H", Aircraft("B748", faa_equipment="H")),
        ("IL76", Aircraft("IL76")),
        (" il76 ", Aircraft("IL76")),
        ("", Aircraft()),
        ("ZZZZ", Aircraft()),
        ("77W/H-SDE3/C", Aircraft(None, "H", ("S", "D", "E3"), ("C",), unreadable=("aircraft",))),
        ("B738/M-B738/L", Aircraft("B738", "M", None, ("L",), unreadable=("equipment",))),
        ("A320/M-RNP2/LB1", Aircraft("A320", "M", None, ("L", "B1"), unreadable=("equipment",))),
        (
            "B738/M-0000/1200",
            Aircraft("B738", "M", unreadable=("equipment", "surveillance")),
        ),
        ("A320-216", Aircraft(unreadable=("aircraft",))),
        ("A350-900/L", Aircraft(unreadable=("aircraft",))),
        ("772", Aircraft(unreadable=("aircraft",))),
        ("B788/", Aircraft(unreadable=("aircraft",))),
        ("AIRBUS", Aircraft(unreadable=("aircraft",))),
    ],
)
def test_every_form_that_was_seen(text: str, expected: Aircraft) -> None:
    assert read_aircraft(text) == expected


@pytest.mark.parametrize(
    "text", ["A1", "SS", "SN", "E4", "J8", "M4", "P", "SDB1", "sdf", "", "S D", "SDFGÄ"]
)
def test_equipment_that_is_not_all_codes_is_none(text: str) -> None:
    assert equipment_codes(text) is None


@pytest.mark.parametrize("text", ["B", "B3", "D2", "LL", "NL", "V", "T", "1200", "L4T", ""])
def test_surveillance_that_is_not_all_codes_is_none(text: str) -> None:
    assert surveillance_codes(text) is None


AIRCRAFT = st.from_regex(r"\A[A-Z0-9]{0,5}/?[HJMLT?]?-?[A-Z0-9]{0,30}/?[A-Z0-9]{0,9}\Z")


@given(st.text() | AIRCRAFT)
def test_what_is_read_stands_in_the_text(text: str) -> None:
    found = read_aircraft(text)
    filed = text.upper()
    for part in (found.type, found.wake_category, found.faa_equipment):
        assert part is None or part in filed
    for codes in (found.equipment, found.surveillance):
        assert codes is None or "".join(codes) in filed
