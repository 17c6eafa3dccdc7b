"""The feed's times."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.feed.times import parse_feed_time, parse_time


@pytest.mark.parametrize("digits", range(8))
def test_a_time_may_carry_up_to_seven_fraction_digits(digits: int) -> None:
    fraction = "." + "1234567"[:digits] if digits else ""
    microseconds = int("123456"[:digits].ljust(6, "0"))
    assert parse_time(f"2025-08-06T06:54:56{fraction}Z") == datetime(
        2025, 8, 6, 6, 54, 56, microseconds, UTC
    )


@pytest.mark.parametrize("text", ["2025-08-06t06:54:56z", "2025-08-06T06:54:56z"])
def test_the_letters_may_be_small(text: str) -> None:
    """RFC 3339, section 5.6."""
    assert parse_time(text) == parse_time(text.upper())


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14 * 60, 14 * 60))
def test_a_time_of_any_zone_is_the_same_moment_in_utc(time: datetime, minutes: int) -> None:
    try:
        local = time.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    parsed = parse_time(local.isoformat())
    assert parsed == time
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-08-06",
        "2025-08-06T06:54:56",
        "0001-01-01T00:00:00+10:00",
        "2026-W40-4T10:00:00Z",
        "20261001T100000Z",
        "2026-10-01 10:00:00Z",
        "2026-10-01\x0010:00:00Z",
        "2026-10-01T10:00Z",
        "2026-10-01T10:00:00,5Z",
        "2026-10-01T10:00:00+0200",
        "2026-10-01T10:00:00+02:00:30",
        "2026-10-01T24:00:01Z",
        "2026-02-30T10:00:00Z",
        "2026-10-01T10:00:00Z\n",
        "\u0662\u0660\u0662\u0666-10-01T10:00:00Z",
    ],
)
def test_an_invalid_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_time(text).utcoffset() == timedelta()


@pytest.mark.parametrize("year", [1, 1970, 2000, 2101, 9999])
def test_a_time_before_the_network_or_long_after_us_is_not_one_of_the_networks(year: int) -> None:
    text = f"{year:04}-12-31T23:59:59.9999999Z"
    assert parse_time(text).year == year
    with pytest.raises(ValueError, match="not within the years"):
        parse_feed_time(text)
