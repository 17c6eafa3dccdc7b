"""Contacts that last, as they are served: in flights, in controllers, and as a list."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tests.traffic.build import at, controller, pilot, snapshot
from vatwatch.live.contacts import contacts_of_all, live_matches
from vatwatch.live.encoding import encode_live
from vatwatch.live.records import Collection, record_of
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.frequency_match import FrequencyMatch, MatchFilter
from vatwatch.traffic.marks import Marks
from vatwatch.traffic.network_state import LastingContact, NetworkState, Rules
from vatwatch.traffic.radio_channels import channel_hz

TWR_HZ, CTR_HZ, HF_HZ, HF_ALIAS_HZ = 118_500_000, 132_600_000, 8_864_000, 131_700_000
# Callsign, station, frequency, and when it began.
TALKS = [
    ("ABC2", "EXXX_TWR", TWR_HZ, 15),
    ("ABC1", "EYYY_CTR", CTR_HZ, 30),
    ("ABC1", "EXXX_TWR", TWR_HZ, 30),
    ("ABC1", "EXXX_TWR", CTR_HZ, 0),
    ("HIDDEN", "EXXX_TWR", TWR_HZ, 45),
]


def state_of(talks: list[tuple[str, str, int, int]] = TALKS) -> NetworkState:
    """Three flights, of which the filters hide one, two stations, and who talks to whom."""
    one = snapshot(
        60,
        pilots=[pilot(cid=n, callsign=c) for n, c in ((1, "ABC1"), (2, "ABC2"), (3, "HIDDEN"))],
        controllers=[controller(), controller(cid=101, callsign="EYYY_CTR", frequency="132.600")],
    )
    state = apply(NetworkState(), diff(NetworkState(), one, Rules()))
    flights = {**state.flights, "HIDDEN": replace(state.flights["HIDDEN"], shown=False)}
    contacts = [lasting(state, *talk) for talk in talks]
    return replace(state, flights=flights, contacts={one.key: one for one in contacts})


def lasting(
    state: NetworkState, callsign: str, station: str, frequency_hz: int, since: int
) -> LastingContact:
    flight, session = state.flights[callsign], state.sessions[station]
    return LastingContact(
        flight_id=flight.flight_id,
        session_id=session.session_id,
        frequency_hz=frequency_hz,
        callsign=callsign,
        cid=flight.pilot.cid,
        station=station,
        station_cid=session.controller.cid,
        facility=4,
        placed_by="radios",
        since=at(since),
        closest_nm=12.3,
    )


def records(state: NetworkState, collection: Collection) -> dict[str, Any]:
    """Those of the whole list, after each was compared with the answer for itself alone."""
    body = encode_live(state, None)[collection]
    listed = json.loads(body.plain)[collection.value]
    found = {record["callsign"]: record for record in listed}
    for callsign, record in found.items():
        assert json.loads(record_of(body, callsign) or b"") == record
    return found


def test_a_flight_is_served_with_its_stations_in_the_order_in_which_contact_began() -> None:
    flights = records(state_of(), Collection.FLIGHTS)
    assert [
        (one["station"], one["frequency_hz"], datetime.fromisoformat(one["since"]))
        for one in flights["ABC1"]["contacts"]
    ] == [
        ("EXXX_TWR", CTR_HZ, at(0)),
        ("EXXX_TWR", TWR_HZ, at(30)),
        ("EYYY_CTR", CTR_HZ, at(30)),
    ]
    assert set(flights["ABC1"]["contacts"][0]) == {"station", "frequency_hz", "since"}


def test_a_station_is_served_with_its_flights_sorted_each_once_and_none_that_is_hidden() -> None:
    controllers = records(state_of(), Collection.CONTROLLERS)
    assert controllers["EXXX_TWR"]["tuned"] == ["ABC1", "ABC2"]
    assert controllers["EYYY_CTR"]["tuned"] == ["ABC1"]


def test_who_talks_to_nobody_is_served_with_empty_lists() -> None:
    state = state_of([])
    assert {f: one["contacts"] for f, one in records(state, Collection.FLIGHTS).items()} == {
        "ABC1": [],
        "ABC2": [],
    }
    assert {one["tuned"] == [] for one in records(state, Collection.CONTROLLERS).values()} == {True}


def test_the_order_of_the_records_does_not_matter() -> None:
    assert contacts_of_all(state_of()) == contacts_of_all(state_of(TALKS[::-1]))


ALL = MatchFilter()


def listed(state: NetworkState, wanted: MatchFilter = ALL, **options: Any) -> list[FrequencyMatch]:
    given = {"limit": 100, "after": None, "now": at(60), **options}
    return list(live_matches(state, wanted, **given).matches)


def named(matches: list[FrequencyMatch]) -> set[tuple[str, str, int]]:
    return {(one.callsign, one.station, one.frequency_hz) for one in matches}


SHOWN = {talk[:3] for talk in TALKS if talk[0] != "HIDDEN"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (MatchFilter(), SHOWN),
        (MatchFilter(callsign="abc2"), {TALKS[0][:3]}),
        (MatchFilter(callsign="eyyy_ctr"), {TALKS[1][:3]}),
        (MatchFilter(callsign="EXXX"), set()),
        (MatchFilter(callsign="eyyy_*"), {TALKS[1][:3]}),
        (MatchFilter(callsign="?BC2"), {TALKS[0][:3]}),
        (MatchFilter(callsign="*"), SHOWN),
        (MatchFilter(cid=2), {TALKS[0][:3]}),
        (MatchFilter(cid=101), {TALKS[1][:3]}),
        (MatchFilter(channel_hz=TWR_HZ), {talk for talk in SHOWN if talk[2] == TWR_HZ}),
        (MatchFilter(since=at(60)), SHOWN),
        (MatchFilter(since=at(61)), set()),
        (MatchFilter(until=at(15)), {TALKS[3][:3]}),
        (MatchFilter(since=at(40), until=at(30)), {TALKS[0][:3], TALKS[3][:3]}),
        (MatchFilter(callsign="ABC1", cid=101), {TALKS[1][:3]}),
    ],
)
def test_the_list_has_those_that_are_wanted(
    wanted: MatchFilter, expected: set[tuple[str, str, int]]
) -> None:
    assert named(listed(state_of(), wanted)) == expected


def test_a_contact_goes_on_until_now_also_where_the_feeds_clock_is_ahead() -> None:
    state, wanted = state_of(), MatchFilter(since=at(70))
    assert named(listed(state, wanted, now=at(70))) == SHOWN
    assert listed(state, wanted, now=at(0)) == []
    assert named(listed(state, MatchFilter(since=at(60)), now=at(0))) == SHOWN


@pytest.mark.parametrize("asked_hz", [HF_HZ, HF_ALIAS_HZ])
def test_an_hf_channel_is_found_under_each_of_its_names(asked_hz: int) -> None:
    state = state_of([("ABC1", "EYYY_CTR", HF_HZ, 0), ("ABC2", "EYYY_CTR", HF_ALIAS_HZ, 0)])
    wanted = MatchFilter(channel_hz=channel_hz(asked_hz))
    assert {one.frequency_hz for one in listed(state, wanted)} == {HF_HZ, HF_ALIAS_HZ}
    assert set(wanted.names_hz) == {HF_HZ, HF_ALIAS_HZ}


def test_pages_of_any_size_together_are_the_list_newest_first() -> None:
    state = state_of()
    whole = listed(state)
    keys = [one.key for one in whole]
    assert keys == sorted(keys, reverse=True)
    for limit in range(1, len(whole) + 2):
        found: list[FrequencyMatch] = []
        while page := listed(state, limit=limit, after=found[-1].key if found else None):
            assert len(page) <= limit
            found += page
        assert found == whole
    assert live_matches(state, MatchFilter(), limit=1, after=None, now=at(60)).total == len(whole)


def test_a_contact_in_the_list_lasts_and_says_who_it_is_of() -> None:
    state = state_of()
    one = next(one for one in listed(state) if one.callsign == "ABC2")
    assert one == FrequencyMatch(
        callsign="ABC2",
        flight_id=str(state.flights["ABC2"].flight_id),
        station="EXXX_TWR",
        session_id=str(state.sessions["EXXX_TWR"].session_id),
        frequency_hz=TWR_HZ,
        facility=4,
        start=at(15),
        end=None,
        closest_nm=12.3,
        placed_by="radios",
        cid=2,
        station_cid=100,
        derive_again=False,
    )


def test_a_contact_is_marked_if_its_flight_or_its_session_will_be_derived_again() -> None:
    state = state_of()
    flight, session = state.flights["ABC2"], state.sessions["EYYY_CTR"]
    for marks, expected in (
        (Marks(flights=frozenset([flight.flight_id])), {TALKS[0][:3]}),
        (Marks(sessions=frozenset([session.session_id])), {TALKS[1][:3]}),
    ):
        assert named([one for one in listed(state, marks=marks) if one.derive_again]) == expected
