"""What a watch may be, and which callsigns fit a pattern."""

from __future__ import annotations

import msgspec
import pytest

from vatwatch.subscriptions.watches import UserWatch, falls_to, fault_of
from vatwatch.wildcards import fits


def watch_of(**fields: object) -> UserWatch:
    return msgspec.json.decode(msgspec.json.encode(fields), type=UserWatch)


@pytest.mark.parametrize(
    ("pattern", "callsign", "does"),
    [
        ("EDDF_*", "EDDF_N_APP", True),
        ("EDDF_*", "EDDFX_TWR", False),
        ("eddf_twr", "EDDF_TWR", True),
        ("EDDF", "EDDF_TWR", False),
        ("ED??_TWR", "EDDF_TWR", True),
        ("ED??_TWR", "EDF_TWR", False),
        ("*_CTR", "EDGG_KTG_CTR", True),
        ("E**D**_TWR", "EDDF_TWR", True),
        ("DLH1", "DLH12", False),
    ],
)
def test_a_pattern_fits_whole_callsigns_in_any_case_of_letters(
    pattern: str, callsign: str, does: bool
) -> None:
    assert fits(pattern, callsign) is does


def test_a_pattern_full_of_stars_is_answered_at_once() -> None:
    assert not fits("A" + "*A" * 18, "A" * 39 + "B")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "position", "callsign": "EDDF_*"},
        {"kind": "airport", "airport": "EDDF", "news": ["atc", "landing"]},
        {"kind": "fir", "fir": "EDGG"},
        {"kind": "person", "cid": 810000},
        {"kind": "flight", "callsign": "DLH4?", "news": ["departure"]},
        {"kind": "count", "of": "arriving", "at_least": 10, "airport": "EDDF"},
        {"kind": "count", "of": "airborne", "at_least": 10, "fir": "EDGG"},
        {"kind": "traffic_without_atc", "of": "on_ground", "at_least": 1, "airport": "EDDF"},
        {"kind": "atc_ahead", "callsign": "DLH1", "within_min": 20},
    ],
)
def test_a_watch_of_each_kind_is_read(fields: dict[str, object]) -> None:
    assert fault_of(watch_of(**fields)) is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "position", "callsign": "*"}, "callsign"),
        ({"kind": "flight", "callsign": "D*"}, "callsign"),
        ({"kind": "airport", "airport": "EDDF", "news": []}, "news"),
        ({"kind": "airport", "airport": "EDDF", "news": ["entry"]}, "news"),
        ({"kind": "fir", "fir": "EDGG", "news": ["landing"]}, "news"),
        ({"kind": "count", "of": "arriving", "at_least": 10}, "airport"),
        ({"kind": "count", "of": "arriving", "at_least": 9, "airport": "A", "fir": "B"}, "airport"),
        ({"kind": "count", "of": "airborne", "at_least": 10, "airport": "EDDF"}, "of"),
        (
            {"kind": "count", "of": "arriving", "at_least": 5, "falls_to": 5, "airport": "EDDF"},
            "falls_to",
        ),
    ],
)
def test_a_watch_that_makes_no_sense_says_which_field_is_wrong(
    fields: dict[str, object], field: str
) -> None:
    found = fault_of(watch_of(**fields))
    assert found is not None
    assert found[0] == field


@pytest.mark.parametrize(("at_least", "falls"), [(1, 0), (2, 1), (5, 4), (10, 8), (100, 80)])
def test_a_count_must_fall_by_a_fifth_if_nothing_is_said(at_least: int, falls: int) -> None:
    watch = watch_of(kind="count", of="arriving", at_least=at_least, airport="EDDF")
    assert falls_to(watch) == falls  # type: ignore[arg-type]
