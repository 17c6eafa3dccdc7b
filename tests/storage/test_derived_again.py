"""The same archive, derived twice, gives the same rows, whatever was killed in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import zstandard

from tests.storage.test_writer import TABLES, clear, rows
from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.storage import read_progress
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.batch import Outcome
from vatwatch.traffic.boundary import Boundary
from vatwatch.traffic.derive_track import KeptFlight, derive_on
from vatwatch.traffic.filters import Filters
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import DecodedSnapshot, Options, batch_of, compare, decode_snapshot
from vatwatch.traffic.progress_record import Progress

if TYPE_CHECKING:
    from psycopg2.extensions import connection

OPTIONS = Options()
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
SNAPSHOTS = 160


@pytest.fixture(scope="module")
def archive() -> list[DecodedSnapshot]:
    """Two hours of thirty pilots."""
    return archive_of(seed=11, pilots=30)


def archive_of(
    *, seed: int, pilots: int, options: Options = OPTIONS, count: int = SNAPSHOTS
) -> list[DecodedSnapshot]:
    """Two hours in steps of 45 s, with gaps of all kinds."""
    world = World(seed, pilots, START)
    decoded = []
    for number in range(count):
        publication = publish(number, world.feed(), world.radios())
        decoded.append(decode_snapshot(publication.data.raw, publication.transceivers.raw, options))
        world.advance(45)
    return decoded


def derive(
    conn: connection, archive: list[DecodedSnapshot], *, restart_every: int
) -> dict[str, list[tuple[object, ...]]]:
    """The rows, if the process that derives them is killed after so many snapshots each."""
    clear(conn)
    state = NetworkState()
    for number, decoded in enumerate(archive):
        if restart_every and number % restart_every == 0:
            known = state
            state, stored = read_network_state(conn, OPTIONS.rules, decoded.snapshot.time)
            assert not stored
            assert state.recent_movements == known.recent_movements
        compared = compare(state, decoded, OPTIONS.rules)
        batch = batch_of(
            compared, entry_id=number, fetched_at=decoded.snapshot.time, source="archive"
        )
        assert write_batch(conn, batch) is Outcome.STORED
        conn.commit()
        state = compared.state
    return {
        table: rows(conn, f"SELECT (to_jsonb(t) - 'stored_at')::text FROM {table} t ORDER BY 1")
        for table in TABLES
    }


def test_two_derivations_give_the_same_rows_also_with_kills_in_between(
    conn: connection, archive: list[DecodedSnapshot]
) -> None:
    straight = derive(conn, archive, restart_every=0)
    told = ("flights", "connections", "positions", "frequency_matches", "events")
    assert all(straight[table] for table in told)
    for often in (1, 7):
        again = derive(conn, archive, restart_every=often)
        for table in TABLES:
            assert again[table] == straight[table], (often, table)


# Half of the simulated world: many flights come in and leave.
BOUNDARY = b"""{"type": "Polygon", "coordinates": [
    [[-12, 36], [14, 36], [14, 52], [2, 60], [-12, 60], [-12, 36]]]}"""


def test_what_flights_did_outside_the_filters_is_known_after_a_kill(conn: connection) -> None:
    filters = Filters(boundary=Boundary.from_geojson(BOUNDARY, "boundary"))
    archive = archive_of(seed=5, pilots=120, options=Options(filters=filters))
    straight = derive(conn, archive, restart_every=0)
    assert rows(
        conn,
        """SELECT count(*) > 5 FROM flights f WHERE first_seen <
               (SELECT min(time) FROM positions p WHERE p.flight_id = f.flight_id)""",
    ) == [(True,)], "flights that came in from outside"
    assert rows(conn, "SELECT count(*) > 5 FROM flights WHERE NOT shown") == [(True,)]
    for often in (1, 7):
        again = derive(conn, archive, restart_every=often)
        for table in TABLES:
            assert again[table] == straight[table], (often, table)


def test_what_is_kept_of_those_outside_is_one_row_and_may_be_unreadable(
    conn: connection,
) -> None:
    filters = Filters(boundary=Boundary.from_geojson(BOUNDARY, "boundary"))
    archive = archive_of(seed=5, pilots=30, options=Options(filters=filters), count=6)
    derive(conn, archive, restart_every=0)
    time = archive[-1].snapshot.time
    assert rows(conn, "SELECT time FROM outside_filters") == [(time,)]
    known, _ = read_network_state(conn, OPTIONS.rules)
    online = len(archive[-1].snapshot.feed.pilots)
    assert len(known.flights) == online
    for broken in (b"", b"no zstd", zstandard.compress(b"no MessagePack")):
        with conn.cursor() as cur:
            cur.execute("UPDATE outside_filters SET flights = %s", (broken,))
        conn.commit()
        known, _ = read_network_state(conn, OPTIONS.rules)
        assert 0 < len(known.flights) < online


def test_who_stands_has_stood_also_if_positions_are_to_come_more_often_from_now_on(
    conn: connection, archive: list[DecodedSnapshot]
) -> None:
    clear(conn)
    state = NetworkState()
    for number, decoded in enumerate(archive[:60]):
        compared = compare(state, decoded, OPTIONS.rules)
        time = decoded.snapshot.time
        write_batch(conn, batch_of(compared, entry_id=number, fetched_at=time, source="archive"))
        conn.commit()
        state = compared.state
    again, _ = read_network_state(conn, Rules(position_keepalive=timedelta(seconds=1)))
    assert {key: flight.progress for key, flight in state.flights.items()} == {
        key: flight.progress for key, flight in again.flights.items()
    }


@pytest.mark.parametrize("broken", [b"", b"\xc1", b"\xa1\xff", b"\x90", b"\xdf\xff\xff\xff\xff"])
def test_what_is_remembered_and_cannot_be_read_costs_that_flight_alone(
    conn: connection, archive: list[DecodedSnapshot], broken: bytes
) -> None:
    derive(conn, archive[:60], restart_every=0)
    known, _ = read_network_state(conn, OPTIONS.rules)
    one = next(iter(known.flights.values()))
    with conn.cursor() as cur:
        cur.execute(
            "UPDATE flights SET progress = %s WHERE flight_id = %s", (broken, one.flight_id)
        )
    conn.commit()
    again, _ = read_network_state(conn, OPTIONS.rules)
    assert set(again.flights) == set(known.flights)
    assert again.flights[one.pilot.callsign].remembered is None
    differ = [key for key, flight in known.flights.items() if again.flights[key] != flight]
    assert differ == [one.pilot.callsign]


def test_a_rule_that_fails_after_a_restart_costs_that_flight_its_last_minutes_alone(
    conn: connection, archive: list[DecodedSnapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    derive(conn, archive[:60], restart_every=0)
    known, _ = read_network_state(conn, OPTIONS.rules)
    failed: list[Progress] = []

    def failing(progress: Progress, kept: KeptFlight) -> Progress:
        if not failed:
            failed.append(progress)
            raise ZeroDivisionError
        return derive_on(progress, kept)

    monkeypatch.setattr(read_progress, "derive_on", failing)
    again, _ = read_network_state(conn, OPTIONS.rules)
    assert len(failed) == 1
    differ = [key for key, flight in known.flights.items() if again.flights[key] != flight]
    assert [again.flights[key].progress for key in differ] == failed


def test_what_a_flight_has_done_is_in_its_row(
    conn: connection, archive: list[DecodedSnapshot]
) -> None:
    derive(conn, archive, restart_every=0)
    moved = rows(
        conn,
        """SELECT count(*), count(take_off), count(landing), count(distance_flown_nm) FROM flights
           WHERE jsonb_array_length(movements) > 0""",
    )
    ((flights, departed, arrived, measured),) = moved
    assert flights > 5
    assert departed > 2
    assert arrived > 2
    assert measured == flights
    told = dict(rows(conn, "SELECT type, count(*)::int FROM events GROUP BY 1"))
    assert told["FLIGHT_DEPARTED"] >= departed
    assert told["FLIGHT_ARRIVED"] >= arrived
    assert rows(
        conn,
        """SELECT count(*) FROM (SELECT first_seen, lag(coalesce(last_seen, 'infinity'))
               OVER (PARTITION BY flight_id ORDER BY first_seen) AS left_at FROM connections) c
           WHERE left_at >= first_seen""",
    ) == [(0,)]
    assert rows(
        conn,
        "SELECT count(*) FROM flights WHERE ended_as IS NULL AND last_seen < %s",
        archive[-1].snapshot.time - timedelta(hours=1),
    ) == [(0,)]
