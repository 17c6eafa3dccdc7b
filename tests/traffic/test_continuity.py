"""Which connections are one flight: a table of cases, each as somebody has met it.

The codes are of public issues: VR is VATSIM Radar, UK the core of VATSIM UK.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from tests.traffic.build import START, at, pilot, plan, snapshot
from vatwatch.events.payloads import FlightPayload
from vatwatch.feed.records import FlightPlan, Pilot
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import NetworkState, Rules

RULES = Rules()
MINUTE, HOUR = 60, 3600
HOME, AWAY, OTHER = "EDDF", "EGLL", "EDDM"
FILED = replace(plan(departure=HOME), arrival=AWAY)


@dataclass(frozen=True)
class Seen:
    """A pilot in one snapshot; or, without a place, a snapshot without the pilot."""

    at_s: float
    place: str | tuple[float, float] | None = None
    altitude: int | None = None
    """Feet; None: on the ground of the airport."""
    kt: int | None = None
    plan: FlightPlan | None = FILED
    logon_s: float = -600.0
    callsign: str = "ABC1"
    cid: int = 1

    def pilot(self) -> Pilot:
        assert self.place is not None
        if isinstance(self.place, str):
            airport = load_airports()[self.place]
            place, ground = (airport.latitude, airport.longitude), airport.elevation_ft
        else:
            place, ground = self.place, 0
        in_air = self.altitude is not None
        kt = self.kt if self.kt is not None else 420 if in_air else 0
        return replace(
            pilot(self.cid, self.callsign, logon=at(self.logon_s), flight_plan=self.plan),
            latitude=place[0],
            longitude=place[1],
            altitude=self.altitude if in_air else ground,
            groundspeed=kt,
        )


CRUISE = (50.5, 6.0)
"""Between HOME and AWAY."""
AFTER_A_MINUTE = (50.55, 5.8)


def flown(*, until_s: float = 0.0, logon_s: float = -600.0) -> list[Seen]:
    """A flight from its stand to its cruise, where it is at `until_s`."""
    return [
        Seen(until_s - 45 * MINUTE, HOME, logon_s=logon_s),
        Seen(until_s - 30 * MINUTE, (50.05, 8.4), 9_000, 280, logon_s=logon_s),
        Seen(until_s - 15, CRUISE, 35_000, logon_s=logon_s),
        Seen(until_s, CRUISE, 35_000, logon_s=logon_s),
    ]


def landed(*, until_s: float = 0.0, logon_s: float = -600.0) -> list[Seen]:
    """A flight from stand to stand, which stands on its stand from a minute before `until_s`."""
    return [
        *flown(until_s=until_s - 40 * MINUTE, logon_s=logon_s),
        Seen(until_s - 10 * MINUTE, (51.47, -0.25), 2_000, 140, logon_s=logon_s),
        Seen(until_s - 9 * MINUTE, AWAY, None, 90, logon_s=logon_s),
        *(
            Seen(until_s - minutes * MINUTE, AWAY, None, 0, logon_s=logon_s)
            for minutes in (4, 3, 2, 1, 0)
        ),
    ]


def gone(*seconds: float) -> list[Seen]:
    return [Seen(second) for second in seconds]


def shifted(seen: list[Seen]) -> list[Seen]:
    """The same, so that the first is at 0."""
    first = seen[0].at_s
    return [replace_seen(one, at_s=one.at_s - first, logon_s=one.logon_s - first) for one in seen]


def replace_seen(one: Seen, **changed: object) -> Seen:
    return Seen(**{**one.__dict__, **changed})


BACK = FILED
RETURN_LEG = replace(plan(departure=AWAY), arrival=HOME)
ELSEWHERE = replace(FILED, departure=OTHER)
DIVERTED = replace(FILED, arrival=OTHER)


@dataclass(frozen=True)
class Case:
    name: str
    seen: list[Seen]
    flights: int
    ended: tuple[str, ...] = ()
    """What the ended ones are told as, in order."""


CASES = [
    Case(
        "VR#1415: a reconnect of seconds goes on with the track",
        [*flown(), Seen(15, AFTER_A_MINUTE, 35_000, logon_s=10)],
        1,
    ),
    Case(
        "VR#1221: a drop of minutes on a long flight does not restart it",
        [*flown(), *gone(15, 300), Seen(600, (50.9, 4.6), 35_000, logon_s=590)],
        1,
    ),
    Case(
        "VR#1164: a gap of a night is resumed, with the gap in it",
        [
            *flown(),
            *gone(15, 16 * MINUTE),
            Seen(8 * HOUR, (51.2, 2.0), 35_000, logon_s=8 * HOUR - 20),
        ],
        1,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "VR#186: a reconnect after a minute with a plan from elsewhere is another flight",
        [*flown(), *gone(15), Seen(60, OTHER, plan=ELSEWHERE, logon_s=50)],
        2,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "VR#112: ten hours away, back under another callsign with the same plan",
        [
            *flown(),
            *gone(15, 16 * MINUTE),
            Seen(10 * HOUR, (51.2, 2.0), 35_000, logon_s=10 * HOUR - 20, callsign="ABC1A"),
        ],
        1,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "VR#112: ten hours away, back under another callsign with another plan",
        [
            *flown(),
            *gone(15, 16 * MINUTE),
            Seen(10 * HOUR, OTHER, plan=ELSEWHERE, logon_s=10 * HOUR - 20, callsign="ABC1A"),
        ],
        2,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "VR#556: the second leg, twelve hours later, under the same callsign",
        [
            *landed(),
            *gone(15, 16 * MINUTE),
            Seen(12 * HOUR, AWAY, plan=RETURN_LEG, logon_s=12 * HOUR - 20),
        ],
        2,
        ("FLIGHT_COMPLETED",),
    ),
    Case(
        "VR#557: the next leg on the same connection has its own origin",
        [*landed(), Seen(60, AWAY, plan=RETURN_LEG), Seen(120, AWAY, plan=RETURN_LEG)],
        2,
        ("FLIGHT_COMPLETED",),
    ),
    Case(
        "VR#262: a destination that is changed in the air",
        [*flown(), Seen(15, AFTER_A_MINUTE, 35_000, plan=DIVERTED)],
        1,
    ),
    Case(
        "UK#701: the same callsign on the next leg after a reconnect at the arrival",
        [*landed(), *gone(15), Seen(300, AWAY, plan=FILED, logon_s=290)],
        2,
        ("FLIGHT_COMPLETED",),
    ),
    Case(
        "a reconnect with the plan for the next leg, after a flight without one",
        [
            *(Seen(**{**one.__dict__, "plan": None}) for one in landed()),
            *gone(15),
            Seen(300, AWAY, plan=RETURN_LEG, logon_s=290),
        ],
        2,
        ("FLIGHT_COMPLETED",),
    ),
    Case(
        "a reconnect that could not have flown there",
        [*flown(), *gone(15), Seen(300, (48.0, 16.0), 35_000, logon_s=290)],
        2,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "a reconnect after the window on the ground",
        [Seen(0, HOME), *gone(15, 16 * MINUTE), Seen(20 * MINUTE, HOME, logon_s=1195)],
        2,
        ("FLIGHT_CANCELLED",),
    ),
    Case(
        "a reconnect within the window before departure, with the plan for another place",
        [
            Seen(0, HOME),
            *gone(15),
            Seen(300, HOME, plan=DIVERTED, logon_s=290),
        ],
        1,
    ),
    Case(
        "a plan filed late, on the same connection",
        [Seen(0, HOME, plan=None), Seen(15, HOME, plan=FILED)],
        1,
    ),
    Case(
        "a plan amended before departure",
        [Seen(0, HOME), Seen(15, HOME, plan=DIVERTED), Seen(30, HOME, plan=RETURN_LEG)],
        1,
    ),
    Case(
        "dropped in the air, and back at the departure to try again",
        [*flown(), *gone(15, 16 * MINUTE), Seen(2 * HOUR, HOME, logon_s=2 * HOUR - 20)],
        2,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "dropped in the air, and back after more than a day",
        [
            *flown(),
            *gone(15, 16 * MINUTE),
            Seen(25 * HOUR, CRUISE, 35_000, logon_s=25 * HOUR - 20),
        ],
        2,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "dropped in the air, and back to another destination",
        [
            *flown(),
            *gone(15, 16 * MINUTE),
            Seen(2 * HOUR, CRUISE, 35_000, plan=DIVERTED, logon_s=2 * HOUR - 20),
        ],
        2,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "a reconnect while it taxies in at the arrival",
        [
            *landed()[:-5],
            Seen(-15, AWAY, None, 15),
            Seen(0, AWAY, None, 15, logon_s=-5),
            *(Seen(15.0 * number, AWAY, logon_s=-5) for number in range(1, 30)),
        ],
        1,
    ),
    Case(
        "lost on the take-off roll, and back in the air",
        [
            Seen(0, HOME),
            Seen(15, HOME, None, 15),
            Seen(30, HOME, None, 131),
            *gone(45, 16 * MINUTE),
            Seen(HOUR, CRUISE, 35_000, logon_s=HOUR - 20),
        ],
        1,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "lost on the landing roll, and back for another flight",
        [
            *landed()[:-5],
            Seen(0, AWAY, None, 60),
            *gone(15, 16 * MINUTE),
            Seen(2 * HOUR, AWAY, plan=RETURN_LEG, logon_s=2 * HOUR - 20),
        ],
        2,
        ("FLIGHT_COMPLETED",),
    ),
    Case(
        "lost in the air without a plan, and back in the air without one",
        [
            *(replace_seen(one, plan=None) for one in flown()),
            *gone(15, 16 * MINUTE),
            Seen(20 * MINUTE, AFTER_A_MINUTE, 3_000, 100, plan=None, logon_s=19 * MINUTE),
        ],
        1,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "lost in the air without a plan, and back on the ground without one",
        [
            *(replace_seen(one, plan=None) for one in flown()),
            *gone(15, 16 * MINUTE),
            Seen(2 * HOUR, AWAY, plan=None, logon_s=2 * HOUR - 20),
        ],
        2,
        ("FLIGHT_DROPPED",),
    ),
    Case(
        "another person under the same callsign",
        [*flown(), Seen(15, HOME, cid=2, logon_s=10)],
        2,
    ),
    Case(
        "a callsign that changes on one connection in the air, with the plan",
        [*flown(), Seen(15, AFTER_A_MINUTE, 35_000, callsign="ABC1A")],
        1,
    ),
    Case(
        "a callsign that changes on one connection, without a plan",
        [
            Seen(0, CRUISE, 35_000, plan=None),
            Seen(15, AFTER_A_MINUTE, 35_000, plan=None, callsign="ABC1A"),
        ],
        2,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_who_was_seen_is_so_many_flights(case: Case) -> None:
    state, ids, told = NetworkState(), set(), []
    for one in shifted(case.seen):
        shown = [] if one.place is None else [one.pilot()]
        changes = diff(state, snapshot(one.at_s, pilots=shown), RULES)
        ids |= {flight.flight_id for flight in changes.flights.online}
        told += [event.type for event in events_of(changes)]
        state = apply(state, changes)
    assert len(ids) == case.flights
    endings = {"FLIGHT_COMPLETED", "FLIGHT_CANCELLED", "FLIGHT_DROPPED"}
    assert tuple(kind for kind in told if kind in endings) == case.ended
    if case.flights == 1 and "FLIGHT_DROPPED" in case.ended:
        assert told.count("FLIGHT_RESUMED") == 1
    assert told.count("FLIGHT_CREATED") == case.flights


def test_what_was_joined_is_kept_with_its_gaps() -> None:
    state = NetworkState()
    seen = shifted(
        [*flown(), *gone(15, 300), Seen(600, (50.9, 4.6), 35_000, logon_s=590)],
    )
    for one in seen:
        shown = [] if one.place is None else [one.pilot()]
        state = apply(state, diff(state, snapshot(one.at_s, pilots=shown), RULES))
    (flight,) = state.flights.values()
    last = seen[-1].at_s
    assert [(c.callsign, c.first_seen, c.last_seen) for c in flight.connections] == [
        ("ABC1", START, at(last - 600)),
        ("ABC1", at(last), None),
    ]
    assert [(gap.start, gap.end) for gap in flight.gaps] == [(at(last - 600), at(last))]
    assert flight.online_s == last - 600
    assert flight.reconnects == 1


def told_of(seen: list[Seen]) -> list[FlightPayload]:
    """What the events tell of flights, in order."""
    state, told = NetworkState(), []
    for one in seen:
        shown = [] if one.place is None else [one.pilot()]
        changes = diff(state, snapshot(one.at_s, pilots=shown), RULES)
        told += [e.payload for e in events_of(changes) if isinstance(e.payload, FlightPayload)]
        state = apply(state, changes)
    return told


def test_a_flight_is_told_from_its_beginning_to_its_end() -> None:
    seen = shifted([*landed(), *gone(15, 16 * MINUTE)])
    told = told_of(seen)
    assert [(each.reason, each.airport) for each in told] == [
        ("created", None),
        ("take_off", HOME),
        ("landing", AWAY),
        ("ended", None),
    ]
    assert len({each.flight_id for each in told}) == 1
    assert told[1].moved_at == at(seen[1].at_s)


def test_a_destination_that_changes_in_the_air_is_a_diversion_told_once() -> None:
    changed = [
        Seen(15.0 * number, (50.5 + 0.02 * number, 6.0 - 0.05 * number), 35_000, plan=DIVERTED)
        for number in range(1, 6)
    ]
    reasons = [each.reason for each in told_of(shifted([*flown(), *changed]))]
    assert reasons == ["created", "take_off", "plan", "diversion"]
