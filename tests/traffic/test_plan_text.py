"""What pilots mean by the levels, speeds and times that they file."""

from __future__ import annotations

from datetime import UTC, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.plan_text import (
    LONGEST_FILED_H,
    MAX_CRUISE_FT,
    MAX_CRUISE_KT,
    MIN_CRUISE_KT,
    cruise_altitude_ft,
    cruise_tas_kt,
    duration,
    sound_kt,
    time_of_day,
)


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
        ("A4500", 4_500),
        ("035000", 35_000),
        ("VFR/065", 6_500),
        ("VFR065", 6_500),
        ("VFR 065", 6_500),
        ("VFR/5500", 5_500),
        ("VFR/FL095", 9_500),
        ("FL35000", 35_000),
        ("S1130", 37_073),
        ("M0840", 27_559),
        ("VFR", None),
        ("0", None),
        ("", None),
        ("350000", None),
        ("100000", None),
        ("FL000", None),
        ("FL3500", None),  # 3,500 ft, or FL350 with a digit too many
        ("20", None),  # 2,000 ft, or FL200 with a digit too few
        ("M078", None),  # Mach, in the wrong field
        ("F", None),
        ("-5000", None),
        ("5000ft", None),
        ("1234567", None),
        ("FL350/FL370", None),
        ("35.000", None),
        ("٣٥٠", None),
    ],
)
def test_every_form_of_a_level_that_was_seen(text: str, feet: int | None) -> None:
    assert cruise_altitude_ft(text) == feet


@pytest.mark.parametrize(
    ("text", "altitude_ft", "knots"),
    [
        ("450", 35_000, 450),
        ("450", None, 450),
        ("0450", 35_000, 450),
        ("N0450", 35_000, 450),
        ("n0450", None, 450),
        ("N450", None, 450),
        ("450KT", None, 450),
        ("450 kts", None, 450),
        ("K0830", None, 448),
        ("K830", 35_000, 448),
        ("M078", 35_000, 450),
        ("M078", 41_000, 447),
        ("M82", 39_000, 470),
        ("M.78", 35_000, 450),
        ("0.78", 35_000, 450),
        ("M2.02", 55_000, 1_159),
        ("M078", None, None),  # the speed of sound depends on the level
        ("90", 4_000, 90),
        ("55", None, 55),
        ("82", 32_000, None),  # Mach, most likely
        ("850", 36_000, None),  # km/h, Mach, or knots
        ("N0850", 36_000, 850),
        ("1160", 60_000, 1_160),
        ("0", None, None),
        ("", None, None),
        ("5", None, None),
        ("9999", None, None),
        ("N9999", None, None),
        ("FL350", None, None),
        ("FAST", None, None),
        ("450/480", None, None),
        ("٤٥٠", None, None),
    ],
)
def test_every_form_of_a_speed(text: str, altitude_ft: int | None, knots: int | None) -> None:
    assert cruise_tas_kt(text, altitude_ft) == knots


@pytest.mark.parametrize(
    ("altitude_ft", "knots"), [(0, 661.5), (10_000, 638.3), (36_089, 573.6), (60_000, 573.6)]
)
def test_the_speed_of_sound_is_that_of_the_standard_atmosphere(
    altitude_ft: float, knots: float
) -> None:
    assert sound_kt(altitude_ft) == pytest.approx(knots, abs=0.3)  # tables of ICAO Doc 7488


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1230", time(12, 30, tzinfo=UTC)),
        ("0000", time(0, 0, tzinfo=UTC)),
        ("2359", time(23, 59, tzinfo=UTC)),
        ("12:30", time(12, 30, tzinfo=UTC)),
        ("1230Z", time(12, 30, tzinfo=UTC)),
        ("2400", None),
        ("2410", None),
        ("1888", None),
        ("7000", None),
        ("930", None),
        ("5772193", None),
        ("", None),
        ("noon", None),
        ("-100", None),
    ],
)
def test_a_time_of_day_is_hours_and_minutes(text: str, expected: time | None) -> None:
    assert time_of_day(text) == expected


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("0130", 90),
        ("01:30", 90),
        ("2337", 23 * 60 + 37),
        ("4000", 2_400),
        ("4800", 2_880),
        ("4801", None),
        ("7400", None),
        ("0000", None),
        ("0499", None),
        ("0360", None),
        ("02134", None),
        ("130", None),  # an hour and a half, or 130 minutes
        ("", None),
        ("-130", None),
        ("1:30", None),
    ],
)
def test_a_duration_is_hours_and_minutes(text: str, minutes: int | None) -> None:
    assert duration(text) == (None if minutes is None else timedelta(minutes=minutes))


FIELD = st.text(max_size=12) | st.from_regex(r"\A(VFR/|FL|F|A|S|M|N|K)?[0-9.:]{0,7}[Z]?\Z")


@given(FIELD, st.none() | st.integers(-2_000, MAX_CRUISE_FT))
def test_whatever_is_filed_is_something_that_can_be_flown_or_nothing(
    text: str, altitude_ft: int | None
) -> None:
    feet = cruise_altitude_ft(text)
    assert feet is None or 0 < feet <= MAX_CRUISE_FT
    knots = cruise_tas_kt(text, altitude_ft)
    assert knots is None or MIN_CRUISE_KT <= knots <= MAX_CRUISE_KT
    lasts = duration(text)
    assert lasts is None or timedelta() < lasts <= timedelta(hours=LONGEST_FILED_H)
    assert time_of_day(text) is None or text.strip()[:2].isdigit()
