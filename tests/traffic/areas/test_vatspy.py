"""VATSpy.dat: what it says is read, and what cannot be read costs itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.areas.vatspy import TOLD_ROWS, FirRow, NamedAirport, Uir, read_vatspy

FILE = """\ufeff; a comment
[Countries]
Germany|ED|Radar
Nowhere|XX|

[Airports]
;ICAO|Airport Name|Latitude Decimal|Longitude Decimal|IATA/LID|FIR|IsPseudo
EDDF|Frankfurt/Main|50.033333|8.570556|FRA|EDGG|0
K1|Pseudo|10|20||ZZZZ|1
[FIRs]
;ICAO|NAME|CALLSIGN PREFIX|FIR BOUNDARY
EDGG|Langen||EDGG
EDGG-K|Langen (Kitzingen)|edgg_ktg|EDGG-KTG ; the south
[UIRs]
EURM|Maastricht|EDGG,edww , EHAA
[IDL]
90.0|-180.0
"""


def test_the_sections_are_read() -> None:
    file = read_vatspy(FILE.encode(), "VATSpy.dat")
    assert file.called == {"ED": "Radar", "XX": "Centre"}
    assert file.airports == (
        NamedAirport("EDDF", "Frankfurt/Main", 50.033333, 8.570556, "FRA", "EDGG", is_pseudo=False),
        NamedAirport("K1", "Pseudo", 10.0, 20.0, "", "ZZZZ", is_pseudo=True),
    )
    assert file.firs == (
        FirRow("EDGG", "Langen", "EDGG", "EDGG"),
        FirRow("EDGG-K", "Langen (Kitzingen)", "EDGG_KTG", "EDGG-KTG"),
    )
    assert file.uirs == (Uir("EURM", "Maastricht", ("EDGG", "EDWW", "EHAA")),)
    assert (file.unreadable, file.told) == (0, ())


@pytest.mark.parametrize(
    ("section", "row"),
    [
        ("FIRs", "EDGG|Langen"),
        ("FIRs", "|Langen||EDGG"),
        ("FIRs", "EDGG|Langen||"),
        ("UIRs", "EURM|Maastricht"),
        ("UIRs", "EURM|Maastricht|"),
        ("Airports", "EDDF|Frankfurt|north|8|FRA|EDGG|0"),
        ("Airports", "EDDF|Frankfurt|91|8|FRA|EDGG|0"),
        ("Airports", "EDDF|Frankfurt|nan|8|FRA|EDGG|0"),
        ("Airports", "EDDF|Frankfurt"),
        ("Countries", "Germany"),
    ],
)
def test_a_row_that_cannot_be_read_costs_itself(section: str, row: str) -> None:
    good = read_vatspy(FILE.encode(), "VATSpy.dat")
    file = read_vatspy(f"{FILE}\n[{section}]\n{row}\n".encode(), "VATSpy.dat")
    assert (file.firs, file.uirs, file.airports) == (good.firs, good.uirs, good.airports)
    assert file.unreadable == 1
    assert file.told[0].startswith(f"line {FILE.count(chr(10)) + 3}: ")


def test_not_all_that_is_wrong_is_told_but_all_is_counted() -> None:
    broken = read_vatspy((FILE + "[FIRs]\n" + "EDGG\n" * 100).encode(), "VATSpy.dat")
    assert (broken.unreadable, len(broken.told)) == (100, TOLD_ROWS)


@pytest.mark.parametrize("other", [b"", b"\xff\xfe\x00", b"{}", b"[FIRs]\n; none\n"])
def test_another_file_is_refused(other: bytes) -> None:
    with pytest.raises(ValueError, match="it is not in the form of VATSpy"):
        read_vatspy(other, "my.dat")


@given(st.text("[]|;\nFIRsUAirpotCune0129.-\x00é") | st.binary().map(lambda b: b.decode("latin-1")))
def test_nothing_but_a_clear_error_comes_of_any_text(text: str) -> None:
    file = read_vatspy(f"{FILE}{text}".encode(), "VATSpy.dat")
    assert file.firs[:1] == (FirRow("EDGG", "Langen", "EDGG", "EDGG"),)
