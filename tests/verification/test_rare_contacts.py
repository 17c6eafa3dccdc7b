"""Contacts on HF, and with stations that are placed at their airport, held against the truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import msgspec

from tests.verification.build import counts
from vatsim_simulator.oddities import Rates
from vatsim_simulator.people import UPDATE_S
from vatsim_simulator.radio_names import HF_BELOW_HZ
from vatsim_simulator.world import World
from vatwatch.feed.records import ClientRadios
from vatwatch.traffic.airports import airport_of, load_airports
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.network_state import LastingContact, NetworkState
from vatwatch.traffic.pipeline import Options, compare, decode_snapshot
from vatwatch.verification.accounts import Snapshots
from vatwatch.verification.day import START
from vatwatch.verification.episodes import (
    CONTACT,
    Episode,
    EpisodeObserver,
    compare_episodes,
    told_episodes,
)

# Every oceanic station is on HF, and every other station with an infix has its radios elsewhere.
RATES = Rates(controllers=5, flight_service=60, on_hf=1, station_far_off=0.8, couples=0.2)
PILOTS, UPDATES, SEED = 150, 240, 9
BELIEVED_NM = 100


class Day(NamedTuple):
    """Contacts in the truth and as derived."""

    true: list[Episode]
    derived: list[Episode]
    shown: list[LastingContact]
    """Of all snapshots."""
    misplaced: frozenset[str]
    """Stations whose radios are all far from their airport."""
    snapshots: Snapshots


@cache
def day() -> Day:
    world, encode, options = (
        World(SEED, PILOTS, START, RATES, watched=True),
        msgspec.json.encode,
        Options(),
    )
    state, observer = NetworkState(), EpisodeObserver()
    truth, times, shown, misplaced = world.take_truth(), [], list[LastingContact](), set[str]()
    for number in range(UPDATES):
        if number:
            world.advance()
        radios = world.radios()
        misplaced |= {one.callsign for one in radios if is_misplaced(one)}
        decoded = decode_snapshot(encode(world.feed()), encode(radios), options)
        state = compare(state, decoded, options.rules).state
        assert state.time is not None
        times.append(state.time)
        truth += world.take_truth()
        observer.observe(state)
        shown += state.contacts.values()
    return Day(
        told_episodes(truth, max(times[-1], world.now)),
        observer.episodes(),
        shown,
        frozenset(misplaced),
        Snapshots(times, UPDATE_S),
    )


def is_misplaced(client: ClientRadios) -> bool:
    airport = airport_of(client.callsign, load_airports())
    if airport is None or client.callsign.endswith(("_CTR", "_FSS")):
        return False
    away_nm = [
        distance_nm(one.latDeg, one.lonDeg, airport.latitude, airport.longitude)
        for one in client.transceivers
    ]
    return min(away_nm, default=0.0) > BELIEVED_NM


def station_and_hertz(episode: Episode) -> tuple[str, int]:
    station, _, hertz = episode.key[2].partition(" on ")
    return station, int(hertz)


def assert_found(wanted: Callable[[str, int], bool], least: int) -> None:
    """Those contacts are derived within one snapshot, at both ends, and none beside them."""
    true, derived = (
        [one for one in side if one.key[0] == CONTACT and wanted(*station_and_hertz(one))]
        for side in (day().true, day().derived)
    )
    began, ended = compare_episodes(true, derived, day().snapshots, CONTACT)
    assert began.true >= least
    assert ended.true > 0
    for result in (began, ended):
        assert counts(result)[1:] == (0, 0), result.examples
        assert result.share_off_by(1) == 1, result.examples


def test_contacts_on_hf_are_those_of_the_truth_while_pilots_tune_the_alias() -> None:
    assert_found(lambda _, hertz: hertz < HF_BELOW_HZ, 5)


def test_contacts_with_stations_that_are_placed_at_their_airport_are_those_of_the_truth() -> None:
    assert_found(lambda station, _: station in day().misplaced, 5)


def test_a_contact_says_where_its_station_was_placed() -> None:
    placed = {
        by: {one.station for one in day().shown if one.placed_by == by}
        for by in ("radios", "airport")
    }
    assert placed["airport"] == {one.station for one in day().shown} & day().misplaced
    assert placed["airport"]
    assert placed["radios"]
