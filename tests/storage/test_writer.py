"""Writing snapshots and getting them back, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
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
from tests.traffic.test_diff import worlds
from vatwatch.errors import OutOfSequence
from vatwatch.feed.quarantine import Quarantined
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.batch import Batch, Outcome
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import (
    AtisVersion,
    NetworkState,
    Rules,
    Session,
    Snapshot,
)
from vatwatch.traffic.session_times import connected_s, frequency_s
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import connection

RULES = Rules()
TABLES = [
    "snapshots",
    "flights",
    "connections",
    "flight_plans",
    "positions",
    "controllers",
    "atis",
    "transceivers",
    "frequency_matches",
    "sector_occupancy",
    "sectors",
    "events",
    "quarantine",
    "outside_filters",
]


def batch(
    changes: Changes,
    quarantined: tuple[Quarantined, ...] = (),
    radios: Mapping[str, object] | None = None,
) -> Batch:
    return Batch(
        entry_id=1,
        changes=changes,
        events=events_of(changes),
        quarantined=quarantined,
        kept_out={"boundary": {"pilots": 2}},
        radio_clients=None if radios is None else len(radios),
        fetched_at=START,
        source="test",
    )


def write(conn: connection, state: NetworkState, one: Snapshot) -> NetworkState:
    changes = diff(state, one, RULES)
    assert write_batch(conn, batch(changes, radios=one.radios)) is Outcome.STORED
    conn.commit()
    return apply(state, changes)


def write_all(conn: connection, snapshots: Sequence[Snapshot]) -> NetworkState:
    state = NetworkState()
    for one in snapshots:
        state = write(conn, state, one)
    return state


def rows(conn: connection, sql: str, *values: object) -> list[tuple[object, ...]]:
    with conn.cursor() as cur:
        cur.execute(sql, values)
        return cur.fetchall()


def everything(conn: connection) -> dict[str, list[tuple[object, ...]]]:
    # But the wall clock, and what is null.
    select = "SELECT jsonb_strip_nulls(to_jsonb(t) - 'stored_at')::text FROM {} t ORDER BY 1"
    return {table: rows(conn, select.format(table)) for table in TABLES}


def clear(conn: connection) -> None:
    with conn.cursor() as cur:
        for table in TABLES:  # faster than TRUNCATE on tables of a few rows
            cur.execute(f"DELETE FROM {table}")
    conn.commit()


def shown(conn: connection, time: datetime) -> dict[str, list[tuple[object, ...]]]:
    """Who was there at a stored snapshot, by the tables alone."""
    present = "%s BETWEEN first_seen AND last_seen AND NOT absences @> %s"
    lasting = "first_seen <= %s AND (gone_at IS NULL OR gone_at > %s)"
    return {
        "pilots": rows(
            conn,
            f"""SELECT cid, coalesce(
                    (SELECT callsign FROM connections c WHERE c.flight_id = f.flight_id
                     AND c.first_seen <= %s ORDER BY c.first_seen DESC LIMIT 1), callsign)
                FROM flights f WHERE {present}""",
            time,
            time,
            time,
        ),
        "controllers": rows(
            conn, f"SELECT cid, callsign FROM controllers WHERE {present}", time, time
        ),
        "atis": rows(conn, f"SELECT cid, callsign FROM atis WHERE {lasting}", time, time),
        "prefiles": rows(
            conn,
            f"SELECT cid, callsign FROM flight_plans WHERE flight_id IS NULL AND {lasting}",
            time,
            time,
        ),
    }


def assert_shows(conn: connection, one: Snapshot) -> None:
    found = shown(conn, one.time)
    feed = one.feed
    for kind, records in (
        ("pilots", feed.pilots),
        ("controllers", feed.controllers),
        ("atis", feed.atis),
        ("prefiles", feed.prefiles),
    ):
        assert sorted(found[kind]) == sorted((r.cid, r.callsign) for r in records), kind


def same_but_for_times(known: NetworkState, recovered: NetworkState) -> None:
    """Equal in all that the tables keep."""
    assert known.time == recovered.time
    assert set(known.flights) == set(recovered.flights)
    for callsign, flight in known.flights.items():
        again = recovered.flights[callsign]
        assert again.flight_id == flight.flight_id
        assert again.logon_time == flight.logon_time
        assert again.connection_logon == flight.connection_logon
        assert again.first_seen == flight.first_seen
        assert again.last_seen == flight.last_seen
        assert again.gaps == flight.gaps
        assert again.progress == flight.progress
        assert again.connections == flight.connections
        assert again.plan_id == flight.plan_id
        assert again.pilot.flight_plan == flight.pilot.flight_plan
        assert again.written == flight.written
    assert {k: f.progress for k, f in known.dropped_flights.items()} == {
        k: f.progress for k, f in recovered.dropped_flights.items()
    }
    assert {k: f.flight_id for k, f in known.disconnected_flights.items()} == {
        k: f.flight_id for k, f in recovered.disconnected_flights.items()
    }
    same_sessions(known.sessions, recovered.sessions)
    same_sessions(known.disconnected_sessions, recovered.disconnected_sessions)
    same_stations(known.atis, recovered.atis)
    same_stations(known.stale_atis, recovered.stale_atis)
    assert {k: p.plan_id for k, p in known.prefiles.items()} == {
        k: p.plan_id for k, p in recovered.prefiles.items()
    }
    assert known.flown.keys() == recovered.flown.keys()
    assert known.recent_movements == recovered.recent_movements
    assert {k: {s.state_id for s in states} for k, states in known.radios.items()} == {
        k: {s.state_id for s in states} for k, states in recovered.radios.items()
    }


def same_sessions(known: Mapping[Any, Session], recovered: Mapping[Any, Session]) -> None:
    assert set(known) == set(recovered)
    for who, session in known.items():
        again = recovered[who]
        assert replace(again, controller=session.controller) == session
        assert again.controller.frequency == session.controller.frequency
        assert again.controller.text_atis == session.controller.text_atis


def same_stations(known: Mapping[str, AtisVersion], recovered: Mapping[str, AtisVersion]) -> None:
    assert set(known) == set(recovered)
    for callsign, version in known.items():
        again = recovered[callsign]
        assert replace(again, atis=version.atis) == version
        assert again.atis.atis_code == version.atis.atis_code


FULL = snapshot(
    0,
    pilots=[
        pilot(flight_plan=plan(route="A\tB\\C\nD \x85 é €")),
        pilot(cid=2, callsign="XY-9", altitude=30_000, groundspeed=400),
    ],
    controllers=[controller()],
    atis=[atis()],
    prefiles=[prefile()],
    radios={"ABC1": (radio(),), "EXXX_TWR": (radio(), radio(1, 121_500_000))},
)


def test_a_snapshot_is_written_whole(conn: connection) -> None:
    state = write_all(conn, [FULL])
    assert_shows(conn, FULL)
    assert rows(conn, "SELECT pilots, controllers, atis, prefiles, kept_out FROM snapshots") == [
        (2, 1, 1, 1, {"boundary": {"pilots": 2}})
    ]
    assert rows(conn, "SELECT route FROM flight_plans WHERE flight_id IS NOT NULL") == [
        ("A\tB\\C\nD \x85 é €",)
    ]
    assert rows(conn, "SELECT text_atis FROM controllers") == [(controller().text_atis,)]
    assert rows(conn, "SELECT count(*) FROM positions") == [(2,)]
    assert rows(conn, "SELECT count(*) FROM transceivers WHERE gone_at IS NULL") == [(3,)]
    assert len(state.flights) == 2


def test_without_a_time_the_newest_is_recovered(conn: connection) -> None:
    assert read_network_state(conn, RULES) == (NetworkState(), False)
    state = write_all(conn, [FULL, snapshot(15, pilots=[pilot()])])
    same_but_for_times(state, read_network_state(conn, RULES)[0])


def test_writing_a_snapshot_twice_changes_nothing(conn: connection) -> None:
    first = diff(NetworkState(), FULL, RULES)
    assert write_batch(conn, batch(first)) is Outcome.STORED
    conn.commit()
    before = everything(conn)
    assert write_batch(conn, batch(first)) is Outcome.DUPLICATE
    conn.commit()
    assert everything(conn) == before


def test_a_batch_from_another_past_is_refused_and_leaves_nothing(conn: connection) -> None:
    state = write_all(conn, [FULL, snapshot(15)])
    before = everything(conn)
    forgetful = diff(NetworkState(), snapshot(30, pilots=[pilot()]), RULES)
    with pytest.raises(OutOfSequence):
        write_batch(conn, batch(forgetful))
    conn.rollback()
    assert everything(conn) == before
    write(conn, state, snapshot(30, pilots=[pilot()]))


def test_quarantined_records_are_kept(conn: connection) -> None:
    bad = Quarantined("pilot", "BAD1", "latitude 99.0 is out of range", '{"cid": 1}')
    write_batch(conn, batch(diff(NetworkState(), snapshot(0), RULES), (bad,)))
    assert rows(conn, "SELECT kind, callsign, reason, record FROM quarantine") == [
        ("pilot", "BAD1", "latitude 99.0 is out of range", '{"cid": 1}')
    ]


def test_a_frequency_change_is_remembered(conn: connection) -> None:
    write_all(
        conn,
        [
            snapshot(0, controllers=[controller(frequency="199.998")]),
            snapshot(15, controllers=[controller(frequency="118.500")]),
        ],
    )
    assert rows(
        conn,
        "SELECT jsonb_path_query_array(frequencies, '$[*].frequency_hz') FROM controllers",
    ) == [([None, 118_500_000],)]


def test_the_times_of_a_session_are_counted_without_its_breaks(conn: connection) -> None:
    none, tower = controller(frequency="199.998"), controller()
    state = write_all(
        conn,
        [
            snapshot(0, controllers=[none]),
            snapshot(15, controllers=[tower]),
            snapshot(30, controllers=[tower]),
            snapshot(45),
            snapshot(60, controllers=[tower]),
            snapshot(75, controllers=[none]),
            snapshot(90, controllers=[none]),
        ],
    )
    session = state.sessions["EXXX_TWR"]
    assert (connected_s(session), frequency_s(session)) == (60, 30)
    assert rows(
        conn, "SELECT connected_s, frequency_s, state, placed_by, held, rules FROM controllers"
    ) == [(60, 30, "connected", None, None, RULES_VERSION)]


@pytest.mark.parametrize("snapshots", [1, 2])
def test_a_logon_that_is_held_is_told_after_a_restart(conn: connection, snapshots: int) -> None:
    none = controller(frequency="199.998")
    write_all(conn, [snapshot(15 * n, controllers=[none]) for n in range(snapshots)])
    state, _ = read_network_state(conn, RULES)
    changes = diff(state, snapshot(15 * snapshots, controllers=[controller()]), RULES)
    kinds = [event.type for event in events_of(changes)]
    assert kinds == ["CONTROLLER_LOGON", "POSITION_UPDATE"]


def test_every_table_and_column_has_a_comment(conn: connection) -> None:
    assert (
        rows(
            conn,
            """SELECT c.relname, a.attname FROM pg_class c
           JOIN pg_attribute a ON a.attrelid = c.oid
           WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
             AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
             AND c.relname NOT IN ('schema_migrations')
             AND (col_description(c.oid, a.attnum) IS NULL
                  OR obj_description(c.oid, 'pg_class') IS NULL)""",
        )
        == []
    )


def returns_after_its_end(world: list[Snapshot]) -> bool:
    """Whether a connection is away for longer than the window, and comes back as it was.

    Then the row goes on, and knows more than memory does: whether it flew before its end, say.
    """
    state = NetworkState()
    ids: list[int] = []
    for one in world:
        changes = diff(state, one, RULES)
        ids += [f.flight_id for f in changes.flights.created]
        ids += [s.session_id for s in changes.sessions.created]
        state = apply(state, changes)
    return len(set(ids)) < len(ids)


real = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@real
@given(worlds())
def test_the_tables_show_each_snapshot_and_give_back_what_was_known(
    conn: connection, world: list[Snapshot]
) -> None:
    clear(conn)
    state = NetworkState()
    for one in world:
        state = write(conn, state, one)
        recovered, stored = read_network_state(conn, RULES, one.time)
        assert stored
        same_but_for_times(state, recovered)
    for one in world:
        assert_shows(conn, one)


@real
@given(worlds())
def test_the_flights_that_were_flown_are_known_again(
    conn: connection, world: list[Snapshot]
) -> None:
    assume(not returns_after_its_end(world))
    clear(conn)
    state = NetworkState()
    for one in world:
        state = write(conn, state, one)
        assert read_network_state(conn, RULES)[0].flown == state.flown


def test_who_has_only_hopped_has_flown_nothing_before_a_restart_or_after_it(
    conn: connection,
) -> None:
    hop = [(1.0, 100, 0), (1.003, 100, 60), (1.010, 300, 110), (1.018, 350, 110), (1.022, 100, 20)]
    shown = [
        snapshot(15 * number, pilots=[pilot(1, "ABC1", at(-60), *place, flight_plan=plan())])
        for number, place in enumerate(hop)
    ]
    state = write_all(conn, shown)
    assert rows(conn, "SELECT flown, movements FROM flights") == [(True, [])]
    state = write(conn, state, snapshot(1200))
    assert rows(conn, "SELECT flown, ended_as FROM flights") == [(True, "cancelled")]
    assert read_network_state(conn, RULES)[0].flown == state.flown == {}


@real
@given(worlds())
def test_going_on_from_what_was_recovered_writes_the_same_rows(
    conn: connection, world: list[Snapshot]
) -> None:
    assume(not returns_after_its_end(world))
    clear(conn)
    write_all(conn, world)
    straight = everything(conn)
    clear(conn)
    for one in world:
        state, stored = read_network_state(conn, RULES, one.time)
        assert not stored
        write(conn, state, one)
    again = everything(conn)
    # The wall clock of the writing is the one thing that may differ.
    assert len(again.pop("snapshots")) == len(straight.pop("snapshots"))
    assert again == straight


@real
@given(worlds())
def test_late_snapshots_show_who_was_there_and_leave_the_others_as_they_were(
    conn: connection, world: list[Snapshot]
) -> None:
    clear(conn)
    for one in [*world[::2], *world[1::2]]:
        state, _ = read_network_state(conn, RULES, one.time)
        write(conn, state, one)
        recovered, stored = read_network_state(conn, RULES, one.time)
        assert stored
        assert {(p.cid, p.callsign) for p in feed_of(recovered).pilots} == {
            (p.cid, p.callsign) for p in one.feed.pilots
        }
    for one in world:
        assert_shows(conn, one)


def test_a_block_of_older_snapshots_is_written_behind_newer_ones(conn: connection) -> None:
    newer = [snapshot(86_400 * 400 + s, pilots=[pilot(cid=9, callsign="NEW1")]) for s in (0, 15)]
    older = [
        FULL,
        snapshot(15, pilots=[pilot(logon=at(5))], controllers=[controller()]),
        snapshot(30, pilots=[pilot(logon=at(5))]),
    ]
    for one in [*newer, *older]:
        state, _ = read_network_state(conn, RULES, one.time)
        write(conn, state, one)
    for one in [*newer, *older]:
        assert_shows(conn, one)
    assert rows(conn, "SELECT reconnects FROM flights WHERE callsign = 'ABC1'") == [(1,)]
