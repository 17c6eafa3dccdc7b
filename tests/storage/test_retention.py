"""Rows that were kept long enough go, a bounded number at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg2

from tests.storage.test_writer import rows, write, write_all
from tests.traffic.build import at, atis, controller, pilot, plan, prefile, radio, snapshot
from vatwatch.config.settings import load
from vatwatch.events.event import Event
from vatwatch.events.payloads import PositionPayload
from vatwatch.storage.event_table import write_events
from vatwatch.storage.retention import (
    HistoryRetention,
    PositionRetention,
    RowRetention,
    retentions_of,
)

if TYPE_CHECKING:
    from psycopg2.extensions import connection

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def count(conn: connection) -> int:
    with conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM events")
        row = cur.fetchone()
        assert row is not None
        return int(row[0])


def test_rows_that_were_written_too_long_ago_are_deleted_bit_by_bit(conn: connection) -> None:
    # Events of years ago, replayed today, are not old.
    events = [
        Event(uuid4(), "POSITION_UPDATE", LONG_AGO, "test", "", PositionPayload(n, 0))
        for n in range(10)
    ]
    with conn.cursor() as cur:
        write_events(cur, events)
        conn.commit()
        week = RowRetention("events", "stored_at", timedelta(hours=168))
        assert week.purge(conn) == 0
        cur.execute(
            "UPDATE events SET stored_at = now() - interval '169 hours'"
            " WHERE (payload->>'flights')::int < 7"
        )
        assert [week.purge(conn, limit=3) for _ in range(4)] == [3, 3, 1, 0]
        assert count(conn) == 3


# Two flights, a session, an ATIS and a prefile; one flight alone; and, hours later, that one again.
FIRST = snapshot(
    0,
    pilots=[pilot(flight_plan=plan()), pilot(cid=2, callsign="ABC2")],
    controllers=[controller()],
    atis=[atis()],
    prefiles=[prefile()],
    radios={"ABC1": (radio(),), "ABC2": (radio(),)},
)
THEN = snapshot(15, pilots=[pilot(cid=2, callsign="ABC2")], radios={"ABC2": (radio(),)})
HOURS_LATER = snapshot(20_000, pilots=[pilot(cid=2, callsign="ABC2")])
LAST = snapshot(20_015, pilots=[pilot(cid=2, callsign="ABC2")])
ALL = [FIRST, THEN, HOURS_LATER, LAST]
HISTORY = ("flights", "flight_plans", "controllers", "atis", "transceivers", "snapshots")


def counts(conn: connection) -> dict[str, int]:
    found = rows(conn, " UNION ALL ".join(f"SELECT '{t}', count(*) FROM {t}" for t in HISTORY))
    return {str(table): int(str(number)) for table, number in found}


def keep_since(seconds: float) -> timedelta:
    """So long ago that what `at(seconds)` and later is kept."""
    return datetime.now(UTC) - at(seconds)


def let_it_be_written_when_it_happened(conn: connection) -> None:
    with conn.cursor() as cur:
        cur.execute("UPDATE snapshots SET stored_at = update_timestamp")
    conn.commit()


def test_old_ended_history_is_deleted_and_what_goes_on_stays(conn: connection) -> None:
    state = write_all(conn, ALL)
    before = counts(conn)
    retention = HistoryRetention(keep_since(10_000))
    # A recording that was replayed today is not old.
    assert retention.purge(conn) == 0
    let_it_be_written_when_it_happened(conn)
    assert retention.purge(conn) > 0
    conn.commit()
    gone = dict.fromkeys(("flight_plans", "controllers", "atis"), 0)
    assert before["snapshots"] == 4
    assert all(before[table] for table in gone)
    # ABC2 came back after so long that it is another flight; that one goes on. Its first radio was
    # last seen to be gone with it.
    assert counts(conn) == {**gone, "flights": 1, "transceivers": 1, "snapshots": 2}
    assert rows(conn, "SELECT callsign, ended_as FROM flights") == [("ABC2", None)]
    # The next snapshot is compared with what is left, and fits.
    write(conn, state, snapshot(20_030, pilots=[pilot(cid=2, callsign="ABC2")]))


def test_the_newest_snapshot_stays_however_old_it_is(conn: connection) -> None:
    write_all(conn, ALL)
    let_it_be_written_when_it_happened(conn)
    HistoryRetention(timedelta(seconds=1)).purge(conn)
    conn.commit()
    assert rows(conn, "SELECT update_timestamp FROM snapshots") == [(LAST.time,)]
    assert rows(conn, "SELECT callsign FROM flights WHERE ended_as IS NULL") == [("ABC2",)]


def test_history_goes_bit_by_bit(conn: connection) -> None:
    write_all(conn, [snapshot(n * 15, pilots=[pilot()]) for n in range(10)])
    let_it_be_written_when_it_happened(conn)
    retention = HistoryRetention(timedelta(seconds=1))
    assert [retention.purge(conn, limit=4) for _ in range(4)] == [4, 4, 1, 0]


def test_days_of_positions_go_whole_and_only_when_all_of_them_is_old(conn: connection) -> None:
    day = 86_400
    write_all(conn, [snapshot(n * day, pilots=[pilot(), pilot(cid=n + 2)]) for n in range(4)])
    retention = PositionRetention(keep_since(2 * day))
    names = "SELECT relid::regclass::text FROM pg_partition_tree('positions') WHERE isleaf"
    assert len(rows(conn, names)) == 4
    assert retention.purge(conn) == 0
    assert len(rows(conn, names)) == 4  # replayed today
    let_it_be_written_when_it_happened(conn)
    retention.purge(conn)
    conn.commit()
    left = rows(conn, names)
    assert len(left) == 2
    assert rows(conn, "SELECT min(time) FROM positions")[0][0] == at(2 * day)
    # What belongs to somebody else is left alone.
    with conn.cursor() as cur:
        cur.execute(
            "CREATE TABLE mine PARTITION OF positions"
            " FOR VALUES FROM ('1999-01-01') TO ('1999-02-01')"
        )
    PositionRetention(timedelta(seconds=1)).purge(conn)
    conn.commit()
    assert rows(conn, names) == [("mine",)]


def test_a_clean_up_that_waits_does_not_lock_out_readers_of_positions(
    conn: connection, database_url: str
) -> None:
    write_all(conn, [snapshot(0, pilots=[pilot()]), snapshot(86_400, pilots=[pilot()])])
    let_it_be_written_when_it_happened(conn)
    reader = psycopg2.connect(database_url)
    retention = PositionRetention(timedelta(seconds=1))
    try:
        assert rows(reader, "SELECT count(*) FROM positions") == [(2,)]  # its lock lasts
        assert retention.purge(conn) == 0
        conn.commit()
        assert rows(conn, "SELECT count(*) FROM positions") == [(2,)]
    finally:
        reader.close()
    retention.purge(conn)
    conn.commit()
    assert rows(conn, "SELECT count(*) FROM positions") == [(0,)]


def test_tables_without_a_setting_are_kept_forever(tmp_path: Path) -> None:
    def history(**env: str) -> list[object]:
        rules = retentions_of(load(env=env, directory=tmp_path))
        return [rule for rule in rules if not isinstance(rule, RowRetention)]

    assert history() == []
    assert history(VATWATCH_HISTORY_RETENTION_DAYS="30") == [
        HistoryRetention(timedelta(days=30)),
        PositionRetention(timedelta(days=30)),
    ]
    assert history(VATWATCH_POSITION_RETENTION_DAYS="7.5") == [
        PositionRetention(timedelta(days=7.5))
    ]
    # No positions without their flights.
    assert history(VATWATCH_HISTORY_RETENTION_DAYS="30", VATWATCH_POSITION_RETENTION_DAYS="60") == [
        HistoryRetention(timedelta(days=30)),
        PositionRetention(timedelta(days=30)),
    ]
