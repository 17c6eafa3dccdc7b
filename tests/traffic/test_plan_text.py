"""What pilots mean by the altitude that they file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.plan_text import MAX_CRUISE_FT, cruise_altitude_ft


@pytest.mark.parametrize(
    ("text", "feet"),
    [
        ("35000", 35_000),
        ("FL350", 35_000),
        ("fl350", 35_000),
        ("350", 35_000),
        ("F350", 35_000),
        (" FL 350 ", 35_000),
        ("A045", 4_500),
        ("045", 4_500),
        ("4500", 4_500),
        ("035000", 35_000),
        ("VFR/065", 6_500),
        ("VFR065", 6_500),
        ("VFR/5500", 5_500),
        ("FL35000", 35_000),
        ("S1130", 37_073),
        ("M0840", 27_559),
        ("VFR", None),
        ("0", None),
        ("", None),
        ("350000", None),
        ("FL000", None),
        ("F", None),
        ("-5000", None),
        ("5000ft", None),
        ("1234567", None),
        ("FL350/FL370", None),
        ("35.000", None),
    ],
)
def test_every_form_that_was_seen(text: str, feet: int | None) -> None:
    assert cruise_altitude_ft(text) == feet


@given(st.text(max_size=12) | st.from_regex(r"\A(FL|F|A|S|M|VFR/?)?[0-9]{0,7}\Z"))
def test_whatever_is_filed_is_an_altitude_that_can_be_flown_or_nothing(text: str) -> None:
    feet = cruise_altitude_ft(text)
    assert feet is None or 0 < feet <= MAX_CRUISE_FT
