"""What remarks say by the indicators of item 18."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.item_18 import Remarks, indicators, read_remarks


def test_a_whole_item_18_is_read() -> None:
    said = (
        "PBN/A1B1C1D1S2T1 NAV/RNVD1E2A1 DOF/241122 REG/VP-BCD EET/EGTT0016 EKDK0047 SEL/QR-CH "
        "CODE/486742 OPR/IMPERIAL  LINEAS PER/C STS/HOSP MEDEVAC RMK/TCAS /V/"
    )
    assert read_remarks(said) == Remarks(
        pbn=("A1", "B1", "C1", "D1", "S2", "T1"),
        date_of_flight=date(2024, 11, 22),
        registration="VP-BCD",
        selcal="QRCH",
        mode_s_code="486742",
        operator="IMPERIAL LINEAS",
        performance_category="C",
        special_handling=("HOSP", "MEDEVAC"),
        voice="full",
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("+VFPS+/V/PBN/A1B1 DOF/201203", Remarks(("A1", "B1"), date(2020, 12, 3), voice="full")),
        ("PBN/PBN/A1B1", Remarks(("A1", "B1"))),
        ("PBN/STS/STATE", Remarks(special_handling=("STATE",))),
        ("REG/\x1f", Remarks()),
        ("REG/ REG/N12 REG/N34", Remarks(registration="N12")),
        ("reg/dabyt /t/", Remarks(registration="DABYT", voice="text")),
        ("RMK/HELLO REG/GSMOL", Remarks(registration="GSMOL")),
        ("MYREG/N12", Remarks()),
        ("/R/", Remarks(voice="receive")),
        ("", Remarks()),
        ("FLYING FOR FUN", Remarks()),
        ("PBN/A1B1C1D101S2", Remarks(unreadable=("PBN",))),
        ("PBN/SDE2E3", Remarks(unreadable=("PBN",))),
        ("PBN/A1B7", Remarks(unreadable=("PBN",))),
        ("DOF/230231", Remarks(unreadable=("DOF",))),
        ("DOF/231", Remarks(unreadable=("DOF",))),
        ("DOF/2023-02-01", Remarks(unreadable=("DOF",))),
        ("REG/?", Remarks(unreadable=("REG",))),
        ("SEL/NONE", Remarks(unreadable=("SEL",))),
        ("CODE/XYZ123", Remarks(unreadable=("CODE",))),
        ("PER/Z", Remarks(unreadable=("PER",))),
        ("STS/VIP", Remarks(unreadable=("STS",))),
        (f"OPR/{'A' * 41}", Remarks(unreadable=("OPR",))),
    ],
)
def test_remarks_as_pilots_write_them(said: str, expected: Remarks) -> None:
    assert read_remarks(said) == expected


def test_an_indicator_goes_on_to_the_next_one() -> None:
    assert indicators("X OPR/A B C RALT/LPPD CYHZ /V/ PER/") == {
        "OPR": "A B C",
        "RALT": "LPPD CYHZ",
    }


SAID = st.lists(
    st.sampled_from("PBN/ DOF/ REG/ SEL/ CODE/ OPR/ PER/ STS/ RMK/ /V/ A1B1 241122 N12 / +".split())  # noqa: SIM905
    | st.text(max_size=9)
).map(" ".join)


@given(st.text() | SAID)
def test_what_is_read_stands_in_the_remarks(text: str) -> None:
    found = read_remarks(text)
    for part in (found.registration, found.mode_s_code, found.performance_category):
        assert part is None or part in text.upper()
    assert set(found.unreadable) <= {"PBN", "DOF", "REG", "SEL", "CODE", "OPR", "PER", "STS"}
