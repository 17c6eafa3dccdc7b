"""Controllers' sessions: what continues one, breaks, times, and when events are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.traffic.build import at, controller, pilot, radio, snapshot
from tests.traffic.test_diff import worlds
from vatwatch.events.payloads import ControllerPayload, FrequencyPayload
from vatwatch.feed.records import Controller
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import Break, NetworkState, Rules, Session, Snapshot, Tuned
from vatwatch.traffic.session_times import connected_s, frequency_s

RULES = Rules(session_window=timedelta(minutes=10))
NONE = "199.998"


def follow(*snapshots: Snapshot, rules: Rules = RULES) -> tuple[NetworkState, list[list[str]]]:
    """The state at the end, and the events about controllers of each snapshot, in short."""
    state, told = NetworkState(), []
    for one in snapshots:
        changes = diff(state, one, rules)
        told.append([_short(event.payload, event.type) for event in events_of(changes)])
        told[-1] = [text for text in told[-1] if text]
        state = apply(state, changes)
    return state, told


def _short(payload: object, kind: str) -> str:
    if isinstance(payload, FrequencyPayload):
        return f"{_mhz(payload.before_hz)} to {_mhz(payload.after_hz)}"
    if isinstance(payload, ControllerPayload):
        what = {"CONTROLLER_LOGON": "back" if payload.reconnect else "logon"}.get(kind, "logoff")
        return f"{what} {_mhz(payload.frequency_hz)}"
    return ""


def _mhz(hertz: int | None) -> str:
    return "none" if hertz is None else f"{hertz / 1e6:.3f}"


def told(*frequencies: str | None) -> list[list[str]]:
    """The events of each snapshot of one tower; None: a snapshot that does not show it.

    `118.500 new` is with a new connection.
    """
    snapshots, logon = [], -3600.0
    for number, text in enumerate(frequencies):
        if text is None:
            snapshots.append(snapshot(15 * number))
            continue
        frequency, _, new = text.partition(" ")
        logon = 15 * number - 5 if new else logon
        one = controller(frequency=frequency, logon=at(logon))
        snapshots.append(snapshot(15 * number, controllers=[one]))
    return follow(*snapshots)[1]


@pytest.mark.parametrize(
    ("frequencies", "events"),
    [
        # VACS#764: who decides at once gets it wrong for good
        (["118.500"], [["logon 118.500"]]),
        ([NONE, "118.500"], [[], ["logon 118.500"]]),
        ([NONE, NONE, "118.500"], [[], [], ["logon 118.500"]]),
        ([NONE, NONE, NONE], [[], [], ["logon none"]]),
        ([NONE, NONE, NONE, NONE], [[], [], ["logon none"], []]),
        # ... and who waited as long as one may, learns of it
        ([NONE, NONE, NONE, "118.500"], [[], [], ["logon none"], ["none to 118.500"]]),
        ([NONE, "118.500", "121.900"], [[], ["logon 118.500"], ["118.500 to 121.900"]]),
        # gone before it was told: it came all the same
        ([NONE, None], [[], ["logon none", "logoff none"]]),
        ([NONE, NONE, None, None], [[], [], ["logon none", "logoff none"], []]),
        # back after a break
        (
            ["118.500", None, "118.500 new"],
            [["logon 118.500"], ["logoff 118.500"], ["back 118.500"]],
        ),
        (
            ["118.500", None, f"{NONE} new", "121.900"],
            [["logon 118.500"], ["logoff 118.500"], [], ["back 121.900"]],
        ),
        (
            ["118.500", None, f"{NONE} new", NONE, NONE],
            [["logon 118.500"], ["logoff 118.500"], [], [], ["back none"]],
        ),
        # a reconnect that no snapshot missed is no logon, and its 199.998 no change
        (["118.500", f"{NONE} new", "118.500"], [["logon 118.500"], [], []]),
        (
            ["118.500", f"{NONE} new", "121.900"],
            [["logon 118.500"], [], ["118.500 to 121.900"]],
        ),
        (
            ["118.500", f"{NONE} new", NONE, NONE],
            [["logon 118.500"], [], [], ["118.500 to none"]],
        ),
        # a frequency that is given up is a change
        (
            ["118.500", NONE, "118.500"],
            [["logon 118.500"], ["118.500 to none"], ["none to 118.500"]],
        ),
        # the same frequency in other digits is none
        (["118.500", "118.5"], [["logon 118.500"], []]),
    ],
)
def test_events_of_a_logon_wait_for_a_frequency_at_most_until_the_third_snapshot(
    frequencies: list[str | None], events: list[list[str]]
) -> None:
    assert told(*frequencies) == events


def test_a_held_logon_is_online_at_once() -> None:
    changes = diff(NetworkState(), snapshot(0, controllers=[controller(frequency=NONE)]), RULES)
    assert len(changes.sessions.created) == 1
    assert "EXXX_TWR" in apply(NetworkState(), changes).sessions


TOWER = controller()


def sessions(*snapshots: Snapshot) -> set[int]:
    """The ids of all sessions that are seen."""
    state, ids = NetworkState(), set()
    for one in snapshots:
        state = apply(state, diff(state, one, RULES))
        ids |= {session.session_id for session in state.sessions.values()}
    return ids


@pytest.mark.parametrize(
    ("what", "again", "seconds", "count"),
    [
        ("the same connection", TOWER, 30, 1),
        ("a new connection within the window", controller(logon=at(590)), 600, 1),
        ("a new connection at its end", controller(logon=at(600)), 615, 1),
        ("a new connection after the window", controller(logon=at(605)), 615, 2),
        ("another callsign", controller(callsign="EXXX_APP"), 30, 2),
        ("a relief under the same callsign", controller(cid=7, logon=at(20)), 30, 2),
        ("the same connection under another callsign", controller(callsign="EXXX_GND"), 30, 2),
    ],
)
def test_the_same_person_and_callsign_continue_a_session_within_the_window(
    what: str, again: Controller, seconds: float, count: int
) -> None:
    found = sessions(
        snapshot(0, controllers=[TOWER]), snapshot(15), snapshot(seconds, controllers=[again])
    )
    assert len(found) == count, what


def test_all_stations_of_one_prefix_and_of_one_person_are_there() -> None:
    """TP#149: of three stations of one prefix only one was shown. VR#1110: both, please."""
    three = [controller(cid=n, callsign=f"EGKK_{n}_APP") for n in (1, 2, 3)]
    supervisor = replace(controller(cid=1, callsign="AB_SUP", frequency=NONE), facility=1)
    state, _ = follow(
        snapshot(0, controllers=[*three, supervisor], pilots=[pilot(cid=1, callsign="ABC1")])
    )
    assert sorted(state.sessions) == ["AB_SUP", "EGKK_1_APP", "EGKK_2_APP", "EGKK_3_APP"]
    assert [flight.pilot.cid for flight in state.flights.values()] == [1]


def test_the_window_of_sessions_is_not_that_of_flights() -> None:
    rules = Rules(reconnect_window=timedelta(hours=1), session_window=timedelta(minutes=1))
    first = snapshot(0, controllers=[TOWER])
    state, _ = follow(first, snapshot(15), snapshot(90), rules=rules)
    assert state.disconnected_sessions == {}


def only(state: NetworkState) -> Session:
    (session,) = state.sessions.values()
    return session


def test_breaks_are_kept_and_do_not_count() -> None:
    state, _ = follow(
        *(snapshot(s, controllers=[TOWER]) for s in (0, 15, 30)),
        snapshot(45),
        snapshot(60, controllers=[controller(logon=at(50))]),
        snapshot(75),
        *(snapshot(s, controllers=[controller(logon=at(85))]) for s in (90, 105)),
    )
    session = only(state)
    assert session.breaks == (Break(at(30), at(60)), Break(at(60), at(90)))
    assert session.reconnects == 2
    assert connected_s(session) == 105 - 60
    assert frequency_s(session) == 105 - 60


def test_a_gap_of_ours_in_one_connection_is_no_break() -> None:
    state, _ = follow(snapshot(0, controllers=[TOWER]), snapshot(7200, controllers=[TOWER]))
    assert only(state).breaks == ()
    assert connected_s(only(state)) == 7200


def test_time_with_a_frequency_is_counted_apart() -> None:
    state, _ = follow(
        snapshot(0, controllers=[controller(frequency=NONE)]),
        snapshot(15, controllers=[controller(frequency="118.500")]),
        snapshot(60, controllers=[controller(frequency="121.900")]),
        snapshot(90, controllers=[controller(frequency=NONE)]),
        snapshot(100, controllers=[controller(frequency=NONE)]),
        snapshot(110),
        snapshot(120, controllers=[controller(frequency="121.900", logon=at(115))]),
        snapshot(130, controllers=[controller(frequency="121.900", logon=at(115))]),
    )
    session = only(state)
    assert session.frequencies == (
        Tuned(at(0), None),
        Tuned(at(15), 118_500_000),
        Tuned(at(60), 121_900_000),
        Tuned(at(90), None),
        Tuned(at(120), 121_900_000),
    )
    assert connected_s(session) == 130 - 20
    assert frequency_s(session) == (90 - 15) + 10


def test_until_is_reckoned_when_the_text_is_new() -> None:
    told = replace(TOWER, text_atis=["EXXX Tower", "Online until 2200z"])
    again = replace(told, text_atis=["EXXX Tower", "Online until 2330z"])
    state, _ = follow(snapshot(0, controllers=[TOWER]), snapshot(15, controllers=[told]))
    assert only(state).until == at(0).replace(hour=22, minute=0, second=0, microsecond=0)
    # Long after the time has passed the unchanged text still means that one.
    day = 86_400
    state, _ = follow(*(snapshot(s, controllers=[told]) for s in (0, day)))
    assert only(state).until == at(0).replace(hour=22, minute=0, second=0, microsecond=0)
    state, _ = follow(snapshot(0, controllers=[told]), snapshot(15, controllers=[again]))
    assert only(state).until == at(0).replace(hour=23, minute=30, second=0, microsecond=0)
    state, _ = follow(snapshot(0, controllers=[told]), snapshot(15, controllers=[TOWER]))
    assert only(state).until is None


def test_without_radios_a_station_stays_where_it_was() -> None:
    tower = controller(callsign="EGKK_TWR")
    near = {"EGKK_TWR": (radio(latitude=51.1),)}
    near = {"EGKK_TWR": (replace(near["EGKK_TWR"][0], longitude=-0.2),)}
    state, _ = follow(
        snapshot(0, controllers=[tower], radios=near),
        snapshot(15, controllers=[tower], radios=None),
    )
    place = only(state).place
    assert place is not None
    assert (place.latitude, place.longitude, place.placed_by) == (51.1, -0.2, "radios")
    state, _ = follow(
        snapshot(0, controllers=[tower], radios=near),
        snapshot(15, controllers=[tower], radios={}),
    )
    place = only(state).place
    assert place is not None
    assert place.placed_by == "airport"


@given(worlds())
def test_times_are_within_the_session_and_breaks_follow_each_other(world: list[Snapshot]) -> None:
    state = NetworkState()
    for one in world:
        state = apply(state, diff(state, one, RULES))
        for session in (*state.sessions.values(), *state.disconnected_sessions.values()):
            whole = (session.last_seen - session.first_seen).total_seconds()
            assert 0 <= frequency_s(session) <= connected_s(session) + 1e-6 <= whole + 2e-6
            moments = [session.first_seen]
            for away in session.breaks:
                moments += [away.start, away.end]
            assert moments == sorted(moments)
            assert moments[-1] <= session.last_seen
            since = [tuned.since for tuned in session.frequencies]
            assert since == sorted(set(since))
            assert since[0] == session.first_seen


@given(worlds())
def test_each_logon_is_told_once_and_before_its_logoff(world: list[Snapshot]) -> None:
    state = NetworkState()
    there: set[str] = set()
    for one in world:
        changes = diff(state, one, RULES)
        for event in events_of(changes):
            if not isinstance(event.payload, ControllerPayload):
                continue
            if event.type == "CONTROLLER_LOGON":
                assert event.payload.session_id not in there
                there.add(event.payload.session_id)
            else:
                there.remove(event.payload.session_id)
        state = apply(state, changes)
        for session in state.sessions.values():
            waits = session.held is not None and session.held.news != "reconnect"
            assert waits == (str(session.session_id) not in there)
