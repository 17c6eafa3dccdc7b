"""Which radios are on one channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.radio_channels import HF_BELOW_HZ, HF_OF_ALIAS, channel_hz, named_hz

CARRIERS = st.integers(118 * 40, 137 * 40 - 1).map(lambda number: number * 25_000)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (118_025_000, 118_025_000),
        (118_025_010, 118_025_000),  # some hertz off, as half of the feed's are
        (118_022_501, 118_025_000),
        (118_030_000, 118_025_000),  # the 8.33 kHz name of the same carrier
        (118_020_000, 118_025_000),  # a radio with two decimals
        (118_070_000, 118_075_000),
        (118_005_000, 118_000_000),
        (118_055_000, 118_050_000),
        (118_080_000, 118_075_000),
        (118_010_000, 118_010_000),  # channels that only 8.33 kHz has
        (118_015_000, 118_015_000),
        (118_008_333, 118_010_000),  # by their carriers
        (118_016_667, 118_015_000),
        (118_033_333, 118_035_000),
        (118_041_667, 118_040_000),
        (118_045_000, 118_045_000),  # the name of no channel
        (136_990_000, 136_990_000),
        (136_980_000, 136_975_000),
        (137_005_000, 137_005_000),  # outside the airband a frequency has one name
        (117_980_000, 117_980_000),
        (243_005_000, 243_005_000),
        (6_547_000, 6_547_000),  # HF by the kHz
        (6_547_012, 6_547_000),
        (8_864_000, 8_864_000),
        (0, None),
        (-5, None),
        (118, None),  # megahertz where hertz belong
        (199_998_000, None),
        (199_998_010, None),
        (200_000_000, None),
        (200_005_000, 200_005_000),
        (10**12, 10**12),
        (10**12 + 1, None),
    ],
)
def test_the_name_of_a_channel(sent: int, name: int | None) -> None:
    assert named_hz(sent) == name


@pytest.mark.parametrize(("alias", "hf"), HF_OF_ALIAS.items())
def test_an_alias_is_the_channel_of_its_hf_frequency(alias: int, hf: int) -> None:
    assert channel_hz(alias) == channel_hz(alias + 5_000) == channel_hz(hf) == hf
    assert named_hz(alias) == alias, "the table has main names"
    assert hf < HF_BELOW_HZ <= alias


def test_no_two_aliases_stand_for_one_hf_frequency() -> None:
    assert len(set(HF_OF_ALIAS.values())) == len(HF_OF_ALIAS)


@given(carrier=CARRIERS, offset=st.integers(-2_499, 2_499))
def test_every_spelling_of_a_25_khz_channel_is_one_channel(carrier: int, offset: int) -> None:
    assert channel_hz(carrier + 5_000) == channel_hz(carrier)
    assert channel_hz(carrier + offset) == channel_hz(carrier)


@given(carrier=CARRIERS)
def test_the_channels_of_833_khz_beside_it_are_others(carrier: int) -> None:
    names = {named_hz(carrier + step) for step in (0, 10_000, 15_000, 25_000)}
    assert len(names) == 4


@given(frequency=st.integers(-10, 10**12 + 10))
def test_the_name_of_a_name_is_itself(frequency: int) -> None:
    name = named_hz(frequency)
    if name is not None:
        assert named_hz(name) == name
