"""Contacts from one snapshot to the next: when they begin and end, and what does not end them."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from tests.traffic.build import at, controller, pilot, snapshot
from tests.traffic.test_radio_contacts import aerial, away_nm, station
from vatwatch.feed.records import Controller, Pilot
from vatwatch.feed.unread import Unread, UnreadLists
from vatwatch.traffic.changes import ContactChanges
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import NetworkState, Radio, Rules, Snapshot
from vatwatch.traffic.stored_changes import stored_only

CENTRE = "QQQ_CTR"
OTHER_HZ = 127_100_000


def flying(miles: float = 10.0) -> Pilot:
    return replace(pilot(latitude=away_nm(miles), altitude=30_000, groundspeed=400), longitude=0.0)


def seen(
    seconds: float,
    *,
    miles: float = 10.0,
    mine: Radio | None = None,
    theirs: tuple[Radio, ...] = (aerial(),),
    pilots: list[Pilot] | None = None,
    stations: list[Controller] | None = None,
) -> Snapshot:
    return snapshot(
        seconds,
        pilots=[flying(miles)] if pilots is None else pilots,
        controllers=[station(CENTRE, 6)] if stations is None else stations,
        radios={"ABC1": (mine or aerial(),), CENTRE: theirs},
    )


def through(*snapshots: Snapshot) -> list[ContactChanges]:
    state, told = NetworkState(), []
    for one in snapshots:
        changes = diff(state, one, Rules())
        state = apply(state, changes)
        assert state.contacts == changes.contacts.present
        told.append(changes.contacts)
    return told


def test_a_contact_lasts_from_the_first_snapshot_that_shows_it_and_keeps_its_closest() -> None:
    told = through(seen(0, miles=20), seen(15, miles=12.34), seen(30, miles=18))
    (began,) = told[0].began
    assert (began.since, began.closest_nm, began.station) == (at(0), 20.0, CENTRE)
    assert (began.callsign, began.facility, began.placed_by) == ("ABC1", 6, "radios")
    (closer,) = told[1].closer
    assert (closer.since, closer.closest_nm) == (at(0), 12.3)
    assert (told[2].began, told[2].ended, told[2].closer) == ([], [], [])
    assert list(told[2].present.values()) == [closer]


GONE = {
    "pilot": seen(15, pilots=[]),
    "station": seen(15, stations=[]),
    "pilot changes the frequency": seen(15, mine=aerial(hertz=OTHER_HZ)),
    "station changes the frequency": seen(15, theirs=(aerial(hertz=OTHER_HZ),)),
    "out of range": seen(15, miles=401),
    "callsign passes on": seen(15, pilots=[replace(flying(), cid=99)]),
}


@pytest.mark.parametrize("what", GONE)
def test_a_contact_outlives_neither_side_nor_the_channel(what: str) -> None:
    first, second = through(seen(0), GONE[what])
    assert second.ended == first.began
    assert not second.present.keys() & first.present.keys()


def test_the_event_of_an_end_says_the_last_snapshot_that_showed_it() -> None:
    state = NetworkState()
    told = []
    for one in (seen(0), seen(15, miles=5), seen(30, pilots=[])):
        changes = diff(state, one, Rules())
        state = apply(state, changes)
        told.append([e for e in events_of(stored_only(changes)) if e.type.startswith("CONTACT")])
    (began,), middle, (ended,) = told
    assert (began.type, middle, ended.type) == ("CONTACT_BEGAN", [], "CONTACT_ENDED")
    assert (ended.time, ended.payload.started_at, ended.payload.ended_at) == (
        at(30),
        at(0),
        at(15),
    )
    assert (began.payload.ended_at, ended.payload.closest_nm) == (None, 5.0)
    assert began.id != ended.id


def test_while_the_radios_are_away_contacts_go_on_by_position() -> None:
    near, far = seen(15, miles=5), seen(30, miles=401)
    told = through(seen(0), replace(near, radios=None), replace(far, radios=None))
    assert [one.closest_nm for one in told[1].closer] == [5.0]
    assert len(told[2].ended) == 1


def test_who_cannot_be_read_loses_no_contact() -> None:
    missing = replace(
        seen(15, pilots=[], stations=[]),
        unread=UnreadLists(
            pilots=Unread(frozenset({(1, "ABC1")})),
            controllers=Unread(frozenset({(station(CENTRE, 6).cid, CENTRE)})),
        ),
    )
    first, second = through(seen(0), missing)
    assert second == replace(first, began=[])


def test_where_a_pilot_s_radio_claims_to_be_is_no_matter() -> None:
    told = through(seen(0), seen(15, mine=aerial(away_nm(900), 77.0)))
    assert told[1].present == told[0].present


def test_a_station_s_aerial_that_trembles_changes_no_contact() -> None:
    trembling = [aerial(latitude=n / 10_000) for n in range(5)]
    told = through(*(seen(15 * n, miles=10.06, theirs=(one,)) for n, one in enumerate(trembling)))
    assert told[0].began
    assert [(one.present, one.closer) for one in told[1:]] == [(told[0].present, [])] * 4


def test_a_flight_that_is_let_through_in_mid_contact_has_one_from_then_on() -> None:
    hidden, shown = frozenset[str](), frozenset({"ABC1"})
    told = through(
        replace(seen(0), let_through=hidden),
        replace(seen(15), let_through=shown),
        replace(seen(30), let_through=hidden),
    )
    assert told[0].present == {}
    assert [one.since for one in told[1].began] == [at(15)]
    # It has a row by now, which is kept up to its end.
    assert told[2].present == told[1].present


def test_the_order_of_records_is_no_matter() -> None:
    pilots = [replace(flying(miles), cid=miles, callsign=f"ABC{miles}") for miles in range(1, 9)]
    stations = [station(CENTRE, 6), controller(9, "QQZ_CTR", frequency="118.500")]
    radios = {one.callsign: (aerial(),) for one in pilots} | {
        one.callsign: (aerial(away_nm(number)), aerial(hertz=OTHER_HZ, radio_id=1))
        for number, one in enumerate(stations)
    }
    random, told = Random(1), []
    for _ in range(5):
        both = []
        for seconds in (0, 15):
            order = random.sample(list(radios), len(radios))
            both.append(
                snapshot(
                    seconds,
                    pilots=random.sample(pilots, len(pilots)),
                    controllers=random.sample(stations, 2),
                    radios={callsign: radios[callsign] for callsign in order},
                )
            )
        told.append(through(*both))
    assert len(told[0][0].began) == len(pilots)
    assert all(one == told[0] for one in told)
