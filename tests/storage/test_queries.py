"""Questions to the history, and the reference data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.test_writer import write_all
from tests.traffic.build import at, pilot, snapshot
from vatwatch.storage.queries import latest_flight, track
from vatwatch.storage.reference import write_airports
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.position import Position

if TYPE_CHECKING:
    from psycopg2.extensions import connection

DAY_S = 86_400


def test_a_track_is_every_position_of_the_flight_oldest_first_over_midnight_too(
    conn: connection,
) -> None:
    moments = [0, 15, DAY_S // 2, DAY_S // 2 + 15]
    state = write_all(
        conn,
        [
            snapshot(
                s,
                pilots=[
                    pilot(latitude=1 + n, altitude=100 * n, groundspeed=400),
                    pilot(cid=2, callsign="OTHER", latitude=9.0 + n, groundspeed=300),
                ],
            )
            for n, s in enumerate(moments)
        ],
    )
    assert track(conn, state.flights["ABC1"].flight_id) == tuple(
        Position(at(s), 1.0 + n, 5.0, 100 * n, 400, 90) for n, s in enumerate(moments)
    )


def test_an_unknown_flight_has_no_track(conn: connection) -> None:
    assert track(conn, 12345) == ()


def test_the_latest_flight_of_a_callsign_is_the_one_that_was_seen_last(conn: connection) -> None:
    state = write_all(
        conn,
        [
            snapshot(0, pilots=[pilot(cid=1), pilot(cid=3, callsign="OTHER")]),
            snapshot(15, pilots=[pilot(cid=2)]),
        ],
    )
    assert latest_flight(conn, "ABC1") == state.flights["ABC1"].flight_id
    assert latest_flight(conn, "ABC") is None


def test_a_flight_that_returns_is_the_latest_again(conn: connection) -> None:
    state = write_all(
        conn,
        [
            snapshot(0, pilots=[pilot(cid=1)]),
            snapshot(15, pilots=[pilot(cid=2)]),
            snapshot(30, pilots=[pilot(cid=1)]),
        ],
    )
    assert latest_flight(conn, "ABC1") == state.flights["ABC1"].flight_id


def test_airports_are_written_once_and_brought_up_to_another_version_of_the_package(
    conn: connection,
) -> None:
    assert write_airports(conn) == len(load_airports())
    conn.commit()
    assert write_airports(conn) == 0
    conn.commit()
    with conn.cursor() as cur:
        cur.execute("UPDATE airports SET name = 'wrong' WHERE icao IN ('EGLL', 'KJFK')")
        cur.execute("DELETE FROM airports WHERE icao = 'EDDF'")
        cur.execute("UPDATE reference_data SET version = 'airportsdata 20200101'")
        conn.commit()
        assert write_airports(conn) == 3
        cur.execute("SELECT name FROM airports WHERE icao = 'EGLL'")
        assert cur.fetchone() == (load_airports()["EGLL"].name,)
