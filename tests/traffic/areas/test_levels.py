"""Floors and ceilings in the ways in which people write them."""

from __future__ import annotations

import pytest

from vatwatch.traffic.areas.levels import read_level


@pytest.mark.parametrize(
    ("said", "feet"),
    [
        (24500, 24_500),
        (24500.4, 24_500),
        (0, 0),
        ("24500", 24_500),
        ("24,500 ft", 24_500),
        ("24 500ft MSL", 24_500),
        ("2500 feet", 2_500),
        ("1500 AGL", 1_500),
        ("-20", -20),
        ("FL245", 24_500),
        ("fl 245", 24_500),
        ("F245", 24_500),
        ("245 FL", 24_500),
        ("FL095 STD", 9_500),
        ("3000 m", 9_843),
        ("3000M AMSL", 9_843),
        ("GND", 0),
        ("sfc", 0),
        ("MSL", 0),
        ({"value": 245, "unit": 6}, 24_500),
        ({"value": 245, "unit": "FL"}, 24_500),
        ({"value": 2500, "unit": 1, "referenceDatum": 1}, 2_500),
        ({"value": 2500}, 2_500),
        ({"value": "FL100"}, 10_000),
        ({"value": 300, "unit": 0}, 984),
        (None, None),
        ("", None),
        ("UNL", None),
        ("unlimited", None),
    ],
)
def test_a_level_is_read_in_feet(said: object, feet: int | None) -> None:
    assert read_level(said) == feet


@pytest.mark.parametrize(
    "said",
    [
        "by NOTAM",
        "FL",
        "12.5.3",
        "FL245-FL660",
        True,
        [245],
        {"unit": 6},
        {"value": 1, "unit": 9},
        {"value": True},
        float("nan"),
        1e9,
    ],
)
def test_what_nobody_can_read_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match="is not a level"):
        read_level(said)
