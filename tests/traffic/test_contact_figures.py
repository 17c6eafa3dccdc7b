"""What contacts come to, held against looking at every second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traffic.build import at
from vatwatch.traffic.contact_figures import (
    CountedMatch,
    FlownTimes,
    SessionTimes,
    Side,
    StationChange,
    airborne_spans,
    flight_figures,
    hand_overs,
    session_figures,
)
from vatwatch.traffic.frequency_match import FrequencyMatch
from vatwatch.traffic.movements import Movement, MovementKind
from vatwatch.traffic.network_state import Tuned
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.time_spans import Span

END = 80
HZ = (118_500_000, 132_600_000)
TAKE_OFF, LANDING, TOUCH_AND_GO = MovementKind


def contact(
    start: int,
    until: int | None,
    station: str = "EXXX_TWR",
    frequency_hz: int = HZ[0],
    flight_id: int = 1,
) -> CountedMatch:
    match = FrequencyMatch(
        callsign=f"ABC{flight_id}",
        flight_id=str(flight_id),
        station=station,
        session_id="7",
        frequency_hz=frequency_hz,
        facility=4,
        start=at(start),
        end=None if until is None else at(until - 1),
        closest_nm=1.0,
        placed_by="radios",
        cid=flight_id,
        station_cid=100,
        derive_again=False,
    )
    return CountedMatch(match, None if until is None else at(until))


def flown(
    *movements: tuple[MovementKind, int],
    joined: bool = False,
    phase: FlightPhase = FlightPhase.PARKED,
    gaps: Sequence[tuple[int, int]] = (),
    **phase_s: int,
) -> FlownTimes:
    return FlownTimes(
        at(0),
        at(END),
        tuple((at(start), at(end)) for start, end in gaps),
        tuple(Movement(kind, "EXXX", at(time)) for kind, time in movements),
        joined,
        phase,
        phase_s,
    )


def in_seconds(spans: Sequence[Span]) -> list[tuple[float, float]]:
    first = at(0)
    return [((a - first).total_seconds(), (b - first).total_seconds()) for a, b in spans]


@st.composite
def contacts(draw: st.DrawFn, flights: int = 1) -> list[CountedMatch]:
    found = []
    for _ in range(draw(st.integers(0, 7))):
        start = draw(st.integers(0, END))
        length = draw(st.one_of(st.none(), st.integers(1, 30)))
        found.append(
            contact(
                start,
                None if length is None else start + length,
                draw(st.sampled_from(["EXXX_TWR", "EYYY_CTR", "EZZZ_APP"])),
                draw(st.sampled_from(HZ)),
                draw(st.integers(1, flights)),
            )
        )
    return found


holes = st.lists(st.integers(1, END - 1), unique=True, max_size=6).map(
    lambda edges: list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)


def is_on(one: CountedMatch, second: int) -> bool:
    return one.match.start <= at(second) and (one.until is None or at(second) < one.until)


def is_away(gaps: Sequence[tuple[int, int]], second: int) -> bool:
    return any(start <= second < end for start, end in gaps)


# --- flights -------------------------------------------------------------------------------------


@given(
    counted=contacts(),
    times=st.lists(st.integers(1, END - 1), unique=True, max_size=5).map(sorted),
    touches=st.sets(st.integers(0, 4)),
    joined=st.booleans(),
    gaps=holes,
)
def test_the_share_in_contact_is_that_of_the_seconds_in_the_air(
    counted: list[CountedMatch],
    times: list[int],
    touches: set[int],
    joined: bool,
    gaps: list[tuple[int, int]],
) -> None:
    movements: list[tuple[MovementKind, int]] = []
    flies = joined
    for number, time in enumerate(times):
        if flies and number in touches:
            movements.append((TOUCH_AND_GO, time))
        else:
            movements.append((LANDING if flies else TAKE_OFF, time))
            flies = not flies
    phase = FlightPhase.CRUISE if flies else FlightPhase.TAXI_IN
    flight = flown(*movements, joined=joined, phase=phase, gaps=gaps)
    found = flight_figures(counted, flight, (at(0), at(END)), flight.gaps)

    airborne_s = in_contact_s = 0
    for second in range(END):
        passed = [kind for kind, time in movements if time <= second and kind is not TOUCH_AND_GO]
        in_the_air = passed[-1] is TAKE_OFF if passed else joined
        if in_the_air and not is_away(gaps, second):
            airborne_s += 1
            in_contact_s += any(is_on(one, second) for one in counted)
    assert (found.airborne_s, found.in_contact_s) == (airborne_s, in_contact_s)
    share = round(in_contact_s / airborne_s, 3) if airborne_s else None
    assert found.share_in_contact == share


@given(counted=contacts(), gaps=holes)
def test_the_time_with_each_station_is_its_seconds_on_the_ground_too(
    counted: list[CountedMatch], gaps: list[tuple[int, int]]
) -> None:
    flight = flown(gaps=gaps)
    found = flight_figures(counted, flight, (at(0), at(END)), flight.gaps)
    told = {(one.station, one.frequency_hz): (one.since, one.contact_s) for one in found.stations}
    expected = {}
    for key in {(one.match.station, one.match.frequency_hz) for one in counted}:
        theirs = [one for one in counted if (one.match.station, one.match.frequency_hz) == key]
        contact_s = sum(
            any(is_on(one, second) for one in theirs) and not is_away(gaps, second)
            for second in range(END)
        )
        expected[key] = (min(one.match.start for one in theirs), contact_s)
    assert told == expected
    since = [one.since for one in found.stations]
    assert since == sorted(since)


@pytest.mark.parametrize(
    ("flight", "expected"),
    [
        (flown((TAKE_OFF, 10), (LANDING, 60)), [(10, 60)]),
        (flown((TAKE_OFF, 10), (TOUCH_AND_GO, 30), (LANDING, 60)), [(10, 60)]),
        (flown((TAKE_OFF, 10), phase=FlightPhase.CLIMB), [(10, END)]),
        (flown(joined=True, phase=FlightPhase.CRUISE), [(0, END)]),
        (flown(), []),
        # Nobody saw the take-off: it stood when it was lost, and flies when it is back.
        (flown((LANDING, 60), gaps=[(5, 20), (70, 75)]), [(20, 60)]),
        (flown(phase=FlightPhase.DESCENT, gaps=[(5, 20)]), [(20, END)]),
        # It stood for 15 s, was put into the air, flew for 30 s, and was put onto the ground.
        (flown(joined=True, connected=10, taxi_out=5, cruise=20, descent=10), [(15, 45)]),
        (flown((TAKE_OFF, 10), climb=500), [(10, END)]),
    ],
)
def test_a_flight_is_in_the_air_as_its_movements_tell(
    flight: FlownTimes, expected: list[tuple[float, float]]
) -> None:
    assert in_seconds(airborne_spans(flight)) == expected


def test_of_a_flight_without_rules_the_stations_are_told_and_no_share() -> None:
    found = flight_figures([contact(0, 30)], None, (at(0), at(END)), ())
    assert (found.airborne_s, found.in_contact_s, found.share_in_contact) == (None, None, None)
    assert found.stations[0].contact_s == 30


TWR, APP, CTR = Side("EXXX_TWR", HZ[0]), Side("EXXX_APP", HZ[1]), Side("EYYY_CTR", HZ[0])


def on(side: Side, start: int, until: int | None) -> CountedMatch:
    return contact(start, until, side.station, side.frequency_hz)


class Case(NamedTuple):
    name: str
    contacts: list[CountedMatch]
    expected: list[tuple[int, Side, Side, int]]


CASES = [
    Case("from one snapshot to the next", [on(TWR, 0, 30), on(APP, 30, None)], [(30, TWR, APP, 0)]),
    Case("after a while", [on(TWR, 0, 30), on(APP, 45, 60)], [(45, TWR, APP, 15)]),
    Case(
        "three in order",
        [on(CTR, 50, None), on(TWR, 0, 30), on(APP, 30, 50)],
        [(30, TWR, APP, 0), (50, APP, CTR, 0)],
    ),
    Case("both for a moment", [on(TWR, 0, 40), on(APP, 30, None)], [(40, TWR, APP, 0)]),
    Case("lost for a moment", [on(TWR, 0, 30), on(TWR, 45, 60)], []),
    Case("heard beside another", [on(TWR, 0, 60), on(APP, 20, 40)], []),
    Case(
        "heard beside two",
        [on(CTR, 0, None), on(TWR, 10, 30), on(APP, 30, 60)],
        [(30, TWR, APP, 0)],
    ),
    Case(
        "back to the one before",
        [on(TWR, 0, 20), on(APP, 20, 40), on(TWR, 40, 60)],
        [(20, TWR, APP, 0), (40, APP, TWR, 0)],
    ),
    Case(
        "on two radios at once",
        [on(TWR, 0, 20), on(CTR, 0, 20), on(APP, 20, 40), on(Side("EZZZ_CTR", HZ[0]), 20, 40)],
        [(20, TWR, APP, 0), (20, CTR, Side("EZZZ_CTR", HZ[0]), 0)],
    ),
    Case("two to one", [on(TWR, 0, 20), on(CTR, 0, 40), on(APP, 20, 60)], [(20, TWR, APP, 0)]),
    Case("none", [], []),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_flight_is_handed_over_to_the_next_contact_that_lasts_longer(case: Case) -> None:
    found = hand_overs(case.contacts)
    assert found == [
        StationChange(at(time), before, after, apart_s)
        for time, before, after, apart_s in case.expected
    ]


@given(counted=contacts())
def test_no_contact_is_handed_over_to_twice_and_their_order_does_not_matter(
    counted: list[CountedMatch],
) -> None:
    found = hand_overs(counted)
    assert [one.time for one in found] == sorted(one.time for one in found)
    assert all(one.before != one.after for one in found)
    assert len(found) < max(1, len(counted))
    for one in found:
        # The one has ended by then, and the other one goes on or has just begun.
        ended = [each for each in counted if each.until is not None and each.until <= one.time]
        assert one.before in {Side(e.match.station, e.match.frequency_hz) for e in ended}
        begun = [each for each in counted if each.match.start <= one.time < each.span[1]]
        assert one.after in {Side(e.match.station, e.match.frequency_hz) for e in begun}
    # Two that are alike in all that counts may change places.
    told = sorted((one.time, one.before.station, one.after.station) for one in found)
    assert told == sorted(
        (one.time, one.before.station, one.after.station) for one in hand_overs(counted[::-1])
    )


# --- sessions ------------------------------------------------------------------------------------


@given(
    counted=contacts(flights=4),
    frequencies=st.lists(
        st.tuples(st.integers(1, END - 1), st.sampled_from([None, *HZ])),
        unique_by=lambda one: one[0],
        max_size=3,
    ).map(lambda many: sorted(many, key=lambda one: one[0])),
    first=st.sampled_from([None, HZ[0]]),
    breaks=holes,
)
def test_the_load_of_a_session_is_that_of_its_seconds(
    counted: list[CountedMatch],
    frequencies: list[tuple[int, int | None]],
    first: int | None,
    breaks: list[tuple[int, int]],
) -> None:
    tuned = [(0, first), *frequencies]
    session = SessionTimes(
        at(0),
        at(END),
        tuple((at(start), at(end)) for start, end in breaks),
        tuple(Tuned(at(since), hz) for since, hz in tuned),
    )
    found = session_figures(counted, session)
    loads = {
        at(second): len({one.match.flight_id for one in counted if is_on(one, second)})
        for second in range(END + 1)
    }
    peak = max(loads.values())
    peak_at: datetime | None = min(time for time, load in loads.items() if load == peak)
    assert found.flights_served == len({one.match.flight_id for one in counted})
    assert (found.peak_load, found.peak_at) == (peak, peak_at if peak else None)
    with_frequency = [
        at(second)
        for second in range(END)
        if [hz for since, hz in tuned if since <= second][-1] is not None
        and not is_away(breaks, second)
    ]
    assert found.frequency_s == len(with_frequency)
    mean = (
        sum(loads[time] for time in with_frequency) / len(with_frequency)
        if with_frequency
        else None
    )
    assert found.mean_load == (None if mean is None else pytest.approx(mean, abs=0.005001))


def test_a_contact_of_one_snapshot_counts_up_to_the_next_one() -> None:
    session = SessionTimes(at(0), at(60), (), (Tuned(at(0), HZ[0]),))
    found = session_figures([contact(15, 30)], session)
    assert (found.flights_served, found.peak_load, found.peak_at) == (1, 1, at(15))
    assert found.mean_load == 0.25


def test_a_session_that_was_seen_once_has_served_whom_it_was_seen_with() -> None:
    session = SessionTimes(at(0), at(0), (), (Tuned(at(0), HZ[0]),))
    found = session_figures([contact(0, None), contact(0, None, flight_id=2)], session)
    assert (found.flights_served, found.peak_load, found.mean_load) == (2, 2, None)
    assert at(0) + timedelta(seconds=found.frequency_s) == at(0)
