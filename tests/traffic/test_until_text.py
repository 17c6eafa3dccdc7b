"""When a controller means to go, in the wordings of controllers' texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.until_text import UNTIL_BACK_HOURS, until

SEEN = datetime(2024, 6, 1, 18, 30, 10, 120_000, tzinfo=UTC)


def told(text: str, seen: datetime = SEEN) -> str | None:
    time = until(text.split("\n"), seen)
    return None if time is None else f"{time:%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Online until 2200z", "01 22:00"),
        ("until 2200Z", "01 22:00"),
        ("DC W Radar\nOnline until 2200z\nOwn navigation", "01 22:00"),
        ("UNTIL 22:15Z", "01 22:15"),
        ("until 22.15z", "01 22:15"),
        ("until 22h15z", "01 22:15"),
        ("until 2200 UTC", "01 22:00"),
        ("until 2200 zulu", "01 22:00"),
        ("until 2200UTC", "01 22:00"),
        ("until 22z", "01 22:00"),
        ("until 930z", "02 09:30"),
        ("until 9:30z", "02 09:30"),
        ("on until 2200", "01 22:00"),
        ("until about 2100z", "01 21:00"),
        ("until approx. 2100z", "01 21:00"),
        ("until ~2100z", "01 21:00"),
        ("til 2130z", "01 21:30"),
        ("open till 2130z", "01 21:30"),
        ("hasta las 2100z", "01 21:00"),
        ("jusqu'à 21h00z", "01 21:00"),
        ("jusqu\u2019à 21h00z", "01 21:00"),
        ("bis 2100z", "01 21:00"),
        ("até às 2100z", "01 21:00"),
        ("Closing at 2200z", "01 22:00"),
        ("closes 2200Z", "01 22:00"),
        ("Expected to close at around 2200z", "01 22:00"),
        ("Offline at 2300z", "01 23:00"),
        ("logging off 2300z", "01 23:00"),
        ("log off 2300z", "01 23:00"),
        ("shift ends at 0100z", "02 01:00"),
        ("1800z-2200z", "01 22:00"),
        ("Online 1800-2200z", "01 22:00"),
        ("Online 18:00 - 22:00 UTC", "01 22:00"),
        ("1800z to 2200z", "01 22:00"),
        ("1800z \u2013 2200z", "01 22:00"),
        ("until 2400z", "02 00:00"),
        ("until 0000z", "02 00:00"),
        # has just passed, or is tomorrow
        ("until 1800z", "01 18:00"),
        ("until 1230z", "02 12:30"),
        ("until 1231z", "01 12:31"),
        # says nothing that can be told
        ("until further notice", None),
        ("until 2200 local", None),
        ("until 2200LT", None),
        ("until 10pm", None),
        ("until 2200 CEST", None),
        ("until 2565z", None),
        ("until 22", None),
        ("until FL240", None),
        ("closing at 2200", None),
        ("1200 1800", None),
        ("FL100-240", None),
        ("Runway 09 closed until 2200z", None),
        ("Expect delays until 2100z", None),
        ("Frequency 118.500", None),
        ("", None),
    ],
)
def test_the_time_is_the_one_that_the_text_tells(text: str, time: str | None) -> None:
    assert told(text) == time


def test_without_a_text_there_is_no_time() -> None:
    assert until(None, SEEN) is None
    assert until([], SEEN) is None


times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(times, st.integers(0, 23), st.integers(0, 59))
def test_it_is_within_a_day_and_at_most_so_long_ago(seen: datetime, hour: int, minute: int) -> None:
    time = until([f"until {hour:02}{minute:02}z"], seen)
    assert time is not None
    assert (time.hour, time.minute, time.second, time.microsecond) == (hour, minute, 0, 0)
    earliest = seen - timedelta(hours=UNTIL_BACK_HOURS)
    assert earliest <= time < earliest + timedelta(days=1)


@given(st.lists(st.text("UNTILCOSE 0123:.-zHZ", max_size=40), max_size=4), times)
def test_any_text_says_a_time_or_nothing(lines: list[str], seen: datetime) -> None:
    time = until(lines, seen)
    assert time is None or abs(time - seen) <= timedelta(days=1)


@pytest.mark.parametrize("piece", ["until ", "1800-", "1 ", "until at ", "22:"])
def test_an_endless_text_is_read_in_part(piece: str) -> None:
    assert until([piece * 300_000], SEEN) is None
