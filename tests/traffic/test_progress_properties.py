"""What holds for every flight, whatever the feed says of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.traffic.build import START
from tests.traffic.tracks import (
    APPROACH,
    CLIMB_OUT,
    LIGHT_CIRCUIT,
    ROLL,
    ROLL_OUT,
    TAXI_OUT,
    At,
    Stretch,
    fixes,
    kinds,
    on,
    plan,
    position,
    way,
)  # fmt: skip
from vatwatch.feed.records import INT4_MAX, INT4_MIN, FlightPlan
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import (
    Progress,
    advance,
    begin,
    begin_next_leg,
    finish,
    seconds_in_phases,
    stands_at,
    starts_next_leg,
)  # fmt: skip
from vatwatch.traffic.surface import hovers

int4 = st.integers(INT4_MIN, INT4_MAX)
maybe = st.none() | st.integers(-2000, 60_000) | int4
plans = st.none() | st.builds(
    FlightPlan,
    flight_rules=st.sampled_from(["I", "V", "S", ""]),
    aircraft_short=st.sampled_from(["A320", "R44", "EC35", "", "ZZZZ", "\x85"]),
    departure=st.sampled_from(["EGLL", "EHAM", "", "ZZZZ", "U70", " egll "]) | st.text(max_size=5),
    arrival=st.sampled_from(["EGLL", "EHAM", "NZSP", ""]) | st.text(max_size=5),
    altitude=st.sampled_from(["FL350", "35000", "VFR", "", "0"]) | st.text(max_size=6),
)
# Anywhere; and near an airport, where the rules look closely.
anywhere = st.builds(
    Position, st.just(START), st.floats(-90, 90), st.floats(-180, 180), maybe, maybe, maybe
)
near_egll = st.builds(
    Position,
    st.just(START),
    st.floats(51.42, 51.52),
    st.floats(-0.53, -0.39),
    st.none() | st.integers(-300, 1500),
    st.none() | st.integers(0, 250),
    maybe,
)
steps = st.lists(
    st.tuples(
        anywhere | near_egll,
        st.sampled_from([1, 15, 15, 15, 30, 600, 90_000]),
        st.booleans(),
        plans,
    ),
    min_size=1,
    max_size=25,
)


def through_json(progress: Progress) -> Progress:
    return msgspec.json.decode(msgspec.json.encode(progress), type=Progress)


def ordered(progress: Progress) -> bool:
    times = [movement.time for movement in progress.movements]
    told = progress.times
    known = [told.off_block, told.take_off, told.landing, told.on_block]
    known = [time for time in known if time is not None]
    return (times, known) == (sorted(times), sorted(known)) and all(
        time <= progress.fix.time for time in (*times, *known)
    )


@given(steps)
def test_nothing_that_a_feed_can_hold_is_too_much(
    told: list[tuple[Position, int, bool, FlightPlan | None]],
) -> None:
    """Nothing is raised, times are in order, and a state goes on the same after JSON."""
    time, progress, before_plan = START, None, None
    for fix, seconds, gap, filed in told:
        time += timedelta(seconds=seconds)
        now = replace(fix, time=time)
        if progress is None:
            progress = begin(now, filed)
        else:
            again = advance(through_json(progress), now, filed, after_gap=gap)
            starts_next_leg(progress, now, before_plan, filed)
            begin_next_leg(progress, now, filed)
            progress = advance(progress, now, filed, after_gap=gap)
            assert again == progress
        before_plan = filed
        assert through_json(progress) == progress
        assert through_json(finish(progress, filed)) == finish(progress, filed)
        assert progress.fix == now
        assert ordered(progress)
        assert ordered(finish(progress, filed))
        assert stands_at(progress, "EGLL") in (True, False)
        assert all(seconds >= 0 for seconds in seconds_in_phases(progress).values())
        assert progress.distance_flown_nm >= 0


# Ways that an aircraft can really go.
circuit = st.sampled_from([LIGHT_CIRCUIT, (*LIGHT_CIRCUIT, on(15, 50)), (*LIGHT_CIRCUIT, on(90))])
ways = st.one_of(
    st.lists(circuit, min_size=1, max_size=4).map(
        lambda rounds: (*TAXI_OUT, on(20, 55), *sum(rounds, ()), on(20, 15), on(100))
    ),
    st.just((*TAXI_OUT, *ROLL, *CLIMB_OUT)),
    st.just((*TAXI_OUT, on(30, 110), on(25), on(90))),
)


def snapshots(stretches: Sequence[Stretch], first: int) -> list[Position]:
    return fixes("EGLL", way(*stretches), first=first)


@given(ways, st.integers(0, 14), st.sets(st.integers(1, 150), max_size=12))
def test_movements_alternate(stretches: tuple[Stretch, ...], first: int, missing: set[int]) -> None:
    """Whatever snapshots are missing."""
    filed, progress = plan("EGLL", "EGLL", "C172"), None
    for number, fix in enumerate(snapshots(stretches, first)):
        if number in missing:
            continue
        progress = begin(fix, filed) if progress is None else advance(progress, fix, filed)
    assert progress is not None
    told = kinds(finish(progress, filed))
    assert told[:1] in ([], ["take_off"])
    flies = False
    for kind in told:
        assert (kind == "take_off") != flies
        flies = kind != "landing"


@given(
    st.lists(
        st.tuples(
            st.integers(-12, 12), st.integers(-12, 12), st.integers(-9, 9), st.integers(0, 2)
        ),
        min_size=2,
        max_size=200,
    ),
    plans,
    st.sampled_from([0, -900, 900]),
)
def test_nothing_is_invented_while_it_stands(
    trembling: list[tuple[int, int, int, int]], filed: FlightPlan | None, altimeter_ft: int
) -> None:
    """It trembles by 12 m and 9 ft, as a parked simulator may."""
    metre = 1 / 1852
    progress = None
    if hovers(filed):
        altimeter_ft = min(altimeter_ft, 0)  # 900 ft up, and moving a little: it hovers
    for number, (north, east, height, speed) in enumerate(trembling):
        at = At(15 * number, north * metre * 0.9, height + altimeter_ft, speed, east * metre * 0.9)
        fix = position("EGLL", at)
        progress = begin(fix, filed) if progress is None else advance(progress, fix, filed)
    assert progress is not None
    assert progress.movements == ()
    assert progress.distance_flown_nm == 0
    assert not progress.airborne


@pytest.mark.parametrize(
    "whole",
    [
        (*TAXI_OUT, *ROLL, *CLIMB_OUT),
        (*APPROACH, *ROLL_OUT, on(90)),
        (*LIGHT_CIRCUIT, *LIGHT_CIRCUIT, on(90)),
    ],
)
def test_the_same_track_gives_the_same_progress(whole: tuple[Stretch, ...]) -> None:
    """From the start, and from any snapshot on that was stored and read again."""
    track, filed = snapshots(whole, 3), plan()
    states = [begin(track[0], filed)]
    for fix in track[1:]:
        states.append(advance(states[-1], fix, filed))
    for (before, after), fix in zip(pairwise(states), track[1:], strict=True):
        assert advance(through_json(before), fix, filed) == after
        # To the byte: rows are compared as they are stored, with kills in between or without.
        assert msgspec.json.encode(through_json(after)) == msgspec.json.encode(after)
