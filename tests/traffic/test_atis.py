"""ATIS stations: the derived letter, and stations that have left."""

from __future__ import annotations

import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.traffic.build import at, atis, snapshot
from tests.traffic.test_diff import RULES, worlds
from vatwatch.feed.records import Atis
from vatwatch.traffic.atis import LETTER_STEADY_S, STALE_HOURS, letter_at, sent_letter
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import summary_of
from vatwatch.traffic.network_state import NetworkState, Snapshot

HOUR = 3600
MINUTE = 60


def station(code: str | None, text: str = "") -> Atis:
    return replace(atis(), atis_code=code, text_atis=[text] if text else None)


def letters(*sent: tuple[float, str | None]) -> str:
    """The derived letters, one a snapshot, of a station that sends these; `-` is none.

    `(seconds, None)` sends none, and `(seconds, "gone")` is a snapshot without the station.
    """
    state, found = NetworkState(), ""
    for seconds, code in sent:
        there = [] if code == "gone" else [station(code)]
        one = snapshot(seconds, atis=there)
        state = apply(state, diff(state, one, RULES))
        version = state.atis.get("EXXX_ATIS")
        found += " " if version is None else letter_at(version, one.time) or "-"
    return found


@pytest.mark.parametrize(
    ("what", "sent", "derived"),
    [
        ("steady", [(0, "A"), (15, "A"), (30, "A")], "AAA"),
        # QS#328: the letter comes and goes within minutes
        ("a moment without", [(0, "A"), (15, None), (30, "A")], "AAA"),
        ("a moment of another", [(0, "A"), (15, "B"), (30, "A")], "AAA"),
        ("just under two minutes", [(0, "A"), (15, "B"), (134, "B"), (135, "B")], "AAAB"),
        ("without for two minutes", [(0, "A"), (15, None), (120, None), (135, None)], "AAA-"),
        ("two others in turn", [(0, "A"), (15, "B"), (75, None), (135, "C")], "AAAC"),
        ("counted anew after a return", [(0, "A"), (15, "B"), (100, "A"), (115, "B"),
                                         (200, "B"), (235, "B")], "AAAAAB"),
        ("none at first", [(0, None), (15, "A")], "-A"),
        ("a new letter each half hour", [(0, "A"), (1800, "B"), (1815, "B")], "ABB"),
        ("a station that flickers", [(0, "A"), (15, "gone"), (30, None), (45, "A")], "A AA"),
        ("a station that returns later", [(0, "A"), (15, "gone"), (300, "B")], "A B"),
    ],
)  # fmt: skip
def test_the_letter_keeps_the_old_one_for_less_than_two_minutes(
    what: str, sent: list[tuple[float, str | None]], derived: str
) -> None:
    assert letters(*sent) == derived, what


def test_rows_keep_each_letter_as_sent() -> None:
    state, opened = NetworkState(), []
    for seconds, code in ((0, "A"), (15, None), (30, "B")):
        changes = diff(state, snapshot(seconds, atis=[station(code)]), RULES)
        opened += [version.atis.atis_code for version in changes.atis.opened]
        state = apply(state, changes)
    assert opened == ["A", None, "B"]


def test_a_station_that_sends_no_letter_has_the_one_in_its_text() -> None:
    changes = diff(NetworkState(), snapshot(0, atis=[station(None, "INFORMATION KILO")]), RULES)
    (version,) = changes.atis.present
    assert letter_at(version, at(0)) == "K"
    assert version.atis.atis_code is None


def listed(*snapshots: Snapshot) -> tuple[list[str], list[str]]:
    """The stations on the air, and those that are stale, at the end."""
    state = NetworkState()
    for one in snapshots:
        state = apply(state, diff(state, one, RULES))
    return sorted(state.atis), sorted(state.stale_atis)


ON_AIR = snapshot(0, atis=[atis()])


@pytest.mark.parametrize(
    ("what", "then", "stale"),
    [
        ("just left", [snapshot(15)], True),
        ("an hour ago", [snapshot(15), snapshot(HOUR)], True),
        ("at the limit (VR#994)", [snapshot(15), snapshot(STALE_HOURS * HOUR)], True),
        ("after it", [snapshot(15), snapshot(STALE_HOURS * HOUR + 1)], False),
        ("left in a gap of ours", [snapshot(4 * HOUR)], False),
        ("another station came", [snapshot(15, atis=[atis(callsign="EYYY_ATIS")])], True),
    ],
)
def test_a_station_that_has_left_is_stale_for_three_hours(
    what: str, then: list[Snapshot], stale: bool
) -> None:
    assert (listed(ON_AIR, *then)[1] == ["EXXX_ATIS"]) is stale, what


def test_a_station_that_is_back_is_not_stale() -> None:
    assert listed(ON_AIR, snapshot(15), snapshot(30, atis=[atis()])) == (["EXXX_ATIS"], [])


def test_what_is_stale_is_not_counted() -> None:
    state = apply(NetworkState(), diff(NetworkState(), ON_AIR, RULES))
    changes = diff(state, snapshot(15), RULES)
    assert list(changes.atis.stale) == ["EXXX_ATIS"]
    assert summary_of(changes, quarantined=0).atis == 0


@given(worlds())
def test_a_station_is_on_the_air_or_stale_and_never_both(world: list[Snapshot]) -> None:
    state = NetworkState()
    for one in world:
        state = apply(state, diff(state, one, RULES))
        assert not state.atis.keys() & state.stale_atis.keys()
        for version in state.stale_atis.values():
            assert version.last_seen is not None
            assert 0 < (one.time - version.last_seen).total_seconds() <= STALE_HOURS * HOUR
        for version in state.atis.values():
            assert version.last_seen is None
            if version.other_since is not None:
                assert version.letter != sent_letter(version)
                held = (version.first_seen - version.other_since).total_seconds()
                assert 0 <= held < LETTER_STEADY_S
