"""Frequencies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.feed.frequency import GRID_HZ, NO_FREQUENCY_HZ, frequency_hz, on_grid_hz


@pytest.mark.parametrize(
    ("text", "hertz"),
    [
        ("118.500", 118_500_000),
        ("118.5", 118_500_000),
        ("121.725", 121_725_000),
        ("132.605", 132_605_000),
        ("122.80001", 122_800_000),
        ("5.598", 5_600_000),
    ],
)
def test_a_frequency_in_mhz_is_a_channel_in_hz(text: str, hertz: int) -> None:
    assert frequency_hz(text) == hertz


@pytest.mark.parametrize(
    "text", ["199.998", "", "none", "0", "-118.5", "nan", "inf", "-inf", "1e30", "1e400"]
)
def test_none_yet_and_garbage_are_not_frequencies(text: str) -> None:
    assert frequency_hz(text) is None


@given(st.integers(0, 10**12))
def test_the_channel_is_the_nearest_on_the_grid(hertz: int) -> None:
    channel = on_grid_hz(hertz)
    assert channel % GRID_HZ == 0
    assert abs(channel - hertz) <= GRID_HZ // 2
    assert on_grid_hz(channel) == channel


@given(st.integers(1, 400_000))
def test_every_channel_survives_the_way_through_the_feeds_text(khz: int) -> None:
    hertz = on_grid_hz(khz * 1000)
    if hertz not in (0, NO_FREQUENCY_HZ):
        assert frequency_hz(f"{hertz / 1e6:.3f}") == hertz
