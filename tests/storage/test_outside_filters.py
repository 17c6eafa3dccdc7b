"""The filters decide what is stored and served, and never what is derived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.storage.test_writer import RULES, batch, rows
from tests.traffic.build import at, pilot, plan, radio, snapshot
from vatwatch.live.encoding import encode_live
from vatwatch.live.records import Collection
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import Gap, NetworkState, Snapshot
from vatwatch.traffic.stored_changes import stored_only

if TYPE_CHECKING:
    from psycopg2.extensions import connection

MINUTE = 60


def crossing(seconds: float, *, inside: bool) -> Snapshot:
    """A flight that goes north, a degree in eight minutes, inside a boundary or not."""
    seen = snapshot(
        seconds,
        pilots=[
            pilot(
                latitude=1 + seconds / 480,
                altitude=35_000,
                groundspeed=450,
                flight_plan=plan(),
            )
        ],
        radios={"ABC1": (radio(),)} if inside else {},
    )
    return replace(seen, let_through=frozenset(["ABC1"] if inside else []))


def step(state: NetworkState, one: Snapshot) -> tuple[NetworkState, Changes]:
    changes = diff(state, one, RULES)
    return apply(state, changes), stored_only(changes)


WAY = [
    *(crossing(15.0 * number, inside=False) for number in range(4)),
    *(crossing(15.0 * number, inside=True) for number in range(4, 8)),
    *(crossing(15.0 * number, inside=False) for number in range(8, 80)),
    *(crossing(15.0 * number, inside=True) for number in range(80, 84)),
]


def test_who_leaves_the_boundary_and_comes_back_is_one_flight() -> None:
    state, told, shown, ids = NetworkState(), [], [], set()
    for one in WAY:
        state, changes = step(state, one)
        told += [event.type for event in events_of(changes) if event.type != "POSITION_UPDATE"]
        shown.append("ABC1" in encode_live(state, None)[Collection.FLIGHTS].rows)
        ids |= {flight.flight_id for flight in state.flights.values()}
        assert changes.flights.shown == len(one.let_through or ())
    assert len(ids) == 1
    assert told == ["FLIGHT_CREATED"]
    assert shown == [one.let_through != frozenset() for one in WAY]
    (flight,) = state.flights.values()
    assert flight.first_seen == at(0)
    assert flight.gaps == ()
    assert flight.progress.distance_flown_nm == pytest.approx(15 * 83 / 480 * 60, rel=0.02)


def test_only_what_was_let_through_is_stored_and_its_flight_up_to_its_end(
    conn: connection,
) -> None:
    state = NetworkState()
    for number, one in enumerate(WAY[:60]):
        state, changes = step(state, one)
        write_batch(conn, batch(changes))
        conn.commit()
        count = rows(conn, "SELECT count(*)::int FROM flights")
        assert count == [(0 if number < 4 else 1,)]
    assert rows(conn, "SELECT time FROM positions ORDER BY time") == [
        (at(15 * number),) for number in range(4, 8)
    ]
    assert rows(conn, "SELECT first_seen, last_seen, shown FROM flights") == [
        (at(0), at(15 * 59), False)
    ]
    assert rows(conn, "SELECT departure FROM flight_plans") == [("EXXX",)]
    assert rows(conn, "SELECT pilots FROM snapshots ORDER BY 1 DESC LIMIT 5") == [
        *[(1,)] * 4,
        (0,),
    ]
    found, _ = read_network_state(conn, RULES)
    again, known = found.flights["ABC1"], state.flights["ABC1"]
    assert (again.flight_id, again.shown, again.stored) == (known.flight_id, False, True)
    assert again.progress == known.progress
    for one in (WAY[60], snapshot(15 * 60 + 20 * MINUTE)):
        state, changes = step(state, one)
        write_batch(conn, batch(changes))
        conn.commit()
    assert rows(conn, "SELECT callsign, ended_as FROM flights") == [("ABC1", "dropped")]


def test_who_was_never_let_through_is_neither_stored_nor_told(conn: connection) -> None:
    state = NetworkState()
    for number in range(3):
        state, changes = step(state, crossing(15.0 * number, inside=False))
        write_batch(conn, batch(changes))
        assert [event.type for event in events_of(changes)] == ["POSITION_UPDATE"]
    changes = stored_only(diff(state, snapshot(45 + 20 * MINUTE), RULES))
    write_batch(conn, batch(changes))
    conn.commit()
    for table in ("flights", "flight_plans", "positions", "connections"):
        assert rows(conn, f"SELECT count(*)::int FROM {table}") == [(0,)], table


def test_a_filter_that_is_taken_away_stores_who_was_outside_with_its_plan(
    conn: connection,
) -> None:
    state = NetworkState()
    state, changes = step(state, crossing(0, inside=False))
    write_batch(conn, batch(changes))
    state, changes = step(state, replace(crossing(15, inside=True), let_through=None))
    write_batch(conn, batch(changes))
    conn.commit()
    assert rows(conn, "SELECT callsign, first_seen FROM flights") == [("ABC1", at(0))]
    assert rows(conn, "SELECT departure FROM flight_plans") == [("EXXX",)]
    assert rows(conn, "SELECT count(*)::int FROM connections") == [(1,)]


@pytest.mark.parametrize("first_inside", [9, 10])
def test_who_was_away_before_coming_inside_has_that_gap_in_the_row(
    conn: connection, first_inside: int
) -> None:
    state = NetworkState()
    for number in range(14):
        one = snapshot(15.0 * number)
        if number not in range(4, 9):
            one = crossing(15.0 * number, inside=number >= first_inside)
        state, changes = step(state, one)
        write_batch(conn, batch(changes))
        conn.commit()
    gap = Gap(at(15.0 * 3), at(15.0 * 9))
    found, _ = read_network_state(conn, RULES)
    assert found.flights["ABC1"].gaps == state.flights["ABC1"].gaps == (gap,)
    assert found.flights["ABC1"].online_s == state.flights["ABC1"].online_s
