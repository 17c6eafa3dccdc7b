"""What a snapshot changes, by properties and by the rules of identity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.traffic.build import (
    START,
    at,
    atis,
    controller,
    feed_of,
    pilot,
    plan,
    prefile,
    radio,
    snapshot,
)
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import NetworkState, Rules, Snapshot

RULES = Rules()


def advance(state: NetworkState, *snapshots: Snapshot, rules: Rules = RULES) -> NetworkState:
    for one in snapshots:
        state = apply(state, diff(state, one, rules))
    return state


# --- properties ----------------------------------------------------------------------------------

logons = st.integers(0, 3).map(lambda hours: START - timedelta(hours=hours, seconds=7))
people = st.integers(1, 6)
pilots = st.builds(
    pilot,
    cid=people,
    callsign=st.sampled_from(["ABC1", "ABC2", "XY-9", "Q"]),
    logon=logons,
    latitude=st.sampled_from([1.0, 1.00001, 2.0]),
    groundspeed=st.sampled_from([0, 20, 430]),
    flight_plan=st.none() | st.builds(plan, route=st.sampled_from(["DCT", "L9"])),
)
controllers = st.builds(
    controller,
    cid=people,
    callsign=st.sampled_from(["EXXX_TWR", "EXXX_APP", "OBS1"]),
    logon=logons,
    frequency=st.sampled_from(["118.500", "199.998"]),
)
stations = st.builds(
    atis,
    cid=people,
    callsign=st.sampled_from(["EXXX_ATIS", "EYYY_D_ATIS"]),
    code=st.sampled_from(["A", "B", None]),
)
prefiles = st.builds(
    prefile,
    cid=people,
    callsign=st.sampled_from(["ABC1", "PRE1"]),
    route=st.sampled_from(["A", "B"]),
    filed_at=st.sampled_from([START, at(1)]),
)
radios = st.none() | st.dictionaries(
    st.sampled_from(["ABC1", "ABC2", "EXXX_TWR", "GONE"]),
    st.lists(
        st.builds(radio, frequency=st.sampled_from([118_500_000, 122_800_010])), max_size=3
    ).map(tuple),
    max_size=4,
)


@st.composite
def worlds(draw: st.DrawFn) -> list[Snapshot]:
    """Snapshots in order, each with callsigns that are unique, as the feed's are."""
    out = []
    seconds = 0
    for _ in range(draw(st.integers(1, 6))):
        seconds += draw(st.sampled_from([15, 60, 600, 3600]))
        out.append(
            snapshot(
                seconds,
                pilots=draw(st.lists(pilots, unique_by=lambda p: p.callsign, max_size=4)),
                controllers=draw(st.lists(controllers, unique_by=lambda c: c.callsign, max_size=3)),
                atis=draw(st.lists(stations, unique_by=lambda a: a.callsign, max_size=2)),
                prefiles=draw(
                    st.lists(
                        prefiles,
                        unique_by=lambda p: (p.cid, p.callsign, p.last_updated),
                        max_size=3,
                    )
                ),
                radios=draw(radios),
            )
        )
    return out


@given(worlds())
def test_applying_the_diff_to_the_old_gives_the_new(world: list[Snapshot]) -> None:
    state = NetworkState()
    for one in world:
        state = advance(state, one)
        shown = feed_of(state)
        assert shown.pilots == one.feed.pilots
        assert shown.controllers == one.feed.controllers
        assert shown.atis == one.feed.atis
        assert [(p.cid, p.callsign) for p in shown.prefiles] == [
            (p.cid, p.callsign) for p in one.feed.prefiles
        ]
        assert state.time == one.time
        if one.radios is not None:
            heard = {
                callsign: {(s.radio.radio_id, s.radio.frequency_hz) for s in states}
                for callsign, states in state.radios.items()
            }
            assert heard == {
                callsign: {(r.radio_id, r.frequency_hz) for r in tuned}
                for callsign, tuned in one.radios.items()
                if tuned
            }


@given(worlds())
def test_everybody_is_online_or_away_or_has_ended_and_never_two_of_it(
    world: list[Snapshot],
) -> None:
    state = NetworkState()
    for one in world:
        changes = diff(state, one, RULES)
        known = {f.flight_id for f in state.flights.values()} | {
            f.flight_id for f in state.disconnected_flights.values()
        }
        created = {f.flight_id for f in changes.flights.created}
        ended = {f.flight_id for f in changes.flights.ended}
        state = apply(state, changes)
        online = {f.flight_id for f in state.flights.values()}
        away = {f.flight_id for f in state.disconnected_flights.values()}
        assert len(online) == len(one.feed.pilots)
        assert not online & away
        resumed = {f.flight_id for f in changes.flights.resumed}
        assert online | away == (known | created | resumed) - ended
        assert not (online | away) & set(state.dropped_flights)


@given(worlds())
def test_what_opens_is_closed_once_and_only_what_is_open_lasts(world: list[Snapshot]) -> None:
    state = NetworkState()
    open_plans: set[int] = set()
    open_radios: set[int] = set()
    open_atis: set[int] = set()
    for one in world:
        changes = diff(state, one, RULES)
        for opened, closed, lasting in (
            (
                [p.plan_id for p in (*changes.flights.plans_opened, *changes.prefiles.opened)],
                changes.flights.plans_closed + changes.prefiles.closed,
                open_plans,
            ),
            ([r.state_id for r in changes.radios.opened], changes.radios.closed, open_radios),
            ([a.atis_id for a in changes.atis.opened], changes.atis.closed, open_atis),
        ):
            assert len(set(closed)) == len(closed)
            assert set(closed) <= lasting
            assert len(set(opened)) == len(opened)
            assert not set(opened) & lasting
            lasting -= set(closed)
            lasting |= set(opened)
        state = apply(state, changes)
        assert open_radios == {s.state_id for states in state.radios.values() for s in states}
        assert open_atis == {v.atis_id for v in state.atis.values()}
        prefiled = {p.plan_id for p in state.prefiles.values()}
        assert prefiled <= open_plans


@given(worlds())
def test_the_same_snapshots_give_the_same_events_each_with_an_id_of_its_own(
    world: list[Snapshot],
) -> None:
    def events() -> list[object]:
        state, out = NetworkState(), []
        for one in world:
            changes = diff(state, one, RULES)
            out += events_of(changes)
            state = apply(state, changes)
        return out

    first = events()
    assert first == events()
    ids = [event.id for event in first]
    assert len(set(ids)) == len(ids)


# --- identity ------------------------------------------------------------------------------------


def test_a_logon_time_rewritten_to_whole_seconds_is_the_same_connection() -> None:
    logon = datetime(2024, 1, 1, 11, 30, 12, 931_682, tzinfo=UTC)
    before = advance(NetworkState(), snapshot(0, pilots=[pilot(logon=logon)]))
    changes = diff(
        before, snapshot(15, pilots=[pilot(logon=logon.replace(second=13, microsecond=0))]), RULES
    )
    assert changes.flights.created == []
    assert changes.flights.reconnected == []
    assert changes.flights.online[0].flight_id == before.flights["ABC1"].flight_id


def test_a_new_logon_time_is_a_reconnect_of_the_same_flight() -> None:
    before = advance(NetworkState(), snapshot(0, pilots=[pilot()]))
    changes = diff(before, snapshot(15, pilots=[pilot(logon=at(10))]), RULES)
    assert [f.reconnects for f in changes.flights.reconnected] == [1]
    assert changes.flights.online[0].flight_id == before.flights["ABC1"].flight_id
    assert [e.type for e in events_of(changes)] == ["FLIGHT_UPDATED", "POSITION_UPDATE"]


def test_a_return_within_the_window_continues_the_flight_and_after_it_begins_another() -> None:
    rules = Rules(reconnect_window=timedelta(minutes=10))
    first = advance(NetworkState(), snapshot(0, pilots=[pilot()]), rules=rules)
    away = advance(first, snapshot(15), rules=rules)
    within = diff(away, snapshot(590, pilots=[pilot(logon=at(585))]), rules)
    assert within.flights.online[0].flight_id == first.flights["ABC1"].flight_id
    after = diff(away, snapshot(630, pilots=[pilot(logon=at(625))]), rules)
    assert after.flights.online[0].flight_id != first.flights["ABC1"].flight_id
    assert [f.flight_id for f in after.flights.ended] == [first.flights["ABC1"].flight_id]


def test_who_is_known_from_a_later_snapshot_is_continued_by_the_same_logon_only() -> None:
    """A late snapshot that shows another logon time shows another connection."""
    before = advance(
        NetworkState(), snapshot(0, pilots=[pilot(logon=at(-90))], controllers=[controller()])
    )
    known_later = replace(
        before,
        flights={
            sign: replace(one, seen_in_later_snapshot=True) for sign, one in before.flights.items()
        },
        sessions={
            sign: replace(one, seen_in_later_snapshot=True) for sign, one in before.sessions.items()
        },
    )
    same = snapshot(15, pilots=[pilot(logon=at(-90))], controllers=[controller()])
    changes = diff(known_later, same, RULES)
    assert changes.flights.online[0].flight_id == before.flights["ABC1"].flight_id
    assert changes.sessions.online[0].session_id == before.sessions["EXXX_TWR"].session_id
    other = snapshot(15, pilots=[pilot(logon=at(10))], controllers=[controller(logon=at(10))])
    changes = diff(known_later, other, RULES)
    assert changes.flights.online[0].flight_id != before.flights["ABC1"].flight_id
    assert changes.sessions.online[0].session_id != before.sessions["EXXX_TWR"].session_id


def test_a_connection_that_goes_on_through_a_long_gap_of_ours_is_the_same_flight() -> None:
    before = advance(NetworkState(), snapshot(0, pilots=[pilot()]))
    changes = diff(before, snapshot(6 * 3600, pilots=[pilot()]), RULES)
    assert changes.flights.created == []
    assert changes.flights.ended == []


def test_another_person_under_the_same_callsign_is_another_flight() -> None:
    before = advance(NetworkState(), snapshot(0, pilots=[pilot(cid=1)]))
    changes = diff(before, snapshot(15, pilots=[pilot(cid=2)]), RULES)
    assert len(changes.flights.created) == 1
    assert [f.pilot.cid for f in changes.flights.gone] == [1]


def test_another_callsign_on_one_connection_is_another_flight() -> None:
    before = advance(NetworkState(), snapshot(0, pilots=[pilot(callsign="ABC1")]))
    changes = diff(before, snapshot(15, pilots=[pilot(callsign="ABC2")]), RULES)
    assert len(changes.flights.created) == 1
    assert len(changes.flights.gone) == 1


def test_one_cid_twice_among_pilots_is_two_flights() -> None:
    state = advance(
        NetworkState(), snapshot(0, pilots=[pilot(callsign="ABC1"), pilot(callsign="ABC2")])
    )
    assert len({f.flight_id for f in state.flights.values()}) == 2


def test_a_flight_that_is_lost_in_the_air_is_dropped_and_one_that_never_flew_is_cancelled() -> None:
    before = advance(
        NetworkState(),
        snapshot(
            0,
            pilots=[
                pilot(callsign="ABC1", altitude=30_000, groundspeed=430),
                pilot(cid=2, callsign="ABC2"),
            ],
        ),
        snapshot(15),
    )
    changes = diff(before, snapshot(15 + 16 * 60), RULES)
    told = {e.payload.callsign: e.type for e in events_of(changes) if e.type != "POSITION_UPDATE"}
    assert told == {"ABC1": "FLIGHT_DROPPED", "ABC2": "FLIGHT_CANCELLED"}


# --- what is worth a row -------------------------------------------------------------------------


def due(*moments: object) -> list[bool]:
    """Whether each of the moments of one flight got a position row."""
    state, out = NetworkState(), []
    for one in moments:
        changes = diff(state, one, RULES)
        out.append(bool(changes.flights.positions))
        state = apply(state, changes)
    return out


def test_a_parked_aircraft_gets_a_row_only_now_and_then() -> None:
    parked = [
        snapshot(seconds, pilots=[pilot(latitude=1 + seconds * 1e-8, altitude=100 + seconds % 2)])
        for seconds in range(0, 331, 15)
    ]
    assert due(*parked) == [seconds in (0, 300) for seconds in range(0, 331, 15)]


MORE_THAN_A_TREMBLE = {"latitude": 1.0002, "longitude": 5.0002, "heading": 91, "groundspeed": 1}
ANY_CHANGE = {**MORE_THAN_A_TREMBLE, "latitude": 1.00001, "longitude": 5.00001, "altitude": 101}


@pytest.mark.parametrize(("name", "value"), MORE_THAN_A_TREMBLE.items())
def test_a_parked_aircraft_that_turns_or_is_moved_gets_a_row(name: str, value: float) -> None:
    moved = replace(pilot(), **{name: value})
    assert due(snapshot(0, pilots=[pilot()]), snapshot(15, pilots=[moved])) == [True, True]


@pytest.mark.parametrize(("name", "value"), ANY_CHANGE.items())
def test_an_aircraft_under_way_gets_a_row_for_any_change(name: str, value: float) -> None:
    was = pilot(groundspeed=20)
    moved = replace(was, **{name: value})
    assert due(snapshot(0, pilots=[was]), snapshot(15, pilots=[moved])) == [True, True]
    assert due(snapshot(0, pilots=[was]), snapshot(15, pilots=[was])) == [True, False]


def test_an_aircraft_that_moves_gets_a_row_each_time() -> None:
    assert due(
        *(snapshot(s, pilots=[pilot(latitude=1 + s * 1e-3, groundspeed=400)]) for s in (0, 15, 30))
    ) == [True, True, True]


def test_a_revision_that_changes_nothing_is_no_new_plan_and_an_amendment_is() -> None:
    before = advance(NetworkState(), snapshot(0, pilots=[pilot(flight_plan=plan(revision_id=1))]))
    same = diff(before, snapshot(15, pilots=[pilot(flight_plan=plan(revision_id=2))]), RULES)
    assert same.flights.plans_opened == []
    parsed = before.flights["ABC1"].parsed_plan
    assert parsed is not None
    assert same.flights.online[0].parsed_plan is parsed, "it is read once"
    amended = diff(before, snapshot(15, pilots=[pilot(flight_plan=plan(route="N1"))]), RULES)
    assert [p.plan.route for p in amended.flights.plans_opened] == ["N1"]
    assert amended.flights.plans_closed == [before.flights["ABC1"].plan_id]


def test_radios_that_are_not_to_be_had_have_not_ended() -> None:
    tuned = {"ABC1": (radio(),)}
    before = advance(NetworkState(), snapshot(0, pilots=[pilot()], radios=tuned))
    changes = diff(before, snapshot(15, pilots=[pilot()], radios=None), RULES)
    assert changes.radios.closed == []
    assert changes.radios.present == before.radios


def test_a_pilots_radio_moves_along_and_a_stations_does_not() -> None:
    before = advance(
        NetworkState(),
        snapshot(
            0,
            pilots=[pilot()],
            controllers=[controller()],
            radios={"ABC1": (radio(latitude=1),), "EXXX_TWR": (radio(latitude=1),)},
        ),
    )
    changes = diff(
        before,
        snapshot(
            15,
            pilots=[pilot()],
            controllers=[controller()],
            radios={"ABC1": (radio(latitude=2),), "EXXX_TWR": (radio(latitude=2),)},
        ),
        RULES,
    )
    assert [s.callsign for s in changes.radios.opened] == ["EXXX_TWR"]
    assert changes.radios.present["ABC1"][0].radio.latitude == 2
