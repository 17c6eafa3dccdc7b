"""Alerts in their table: written as they are now, once each, and found page by page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.monitoring.test_alert_records import MINUTE, NOON, fired
from tests.storage.test_writer import RULES, batch, everything
from tests.traffic.build import controller, pilot, snapshot
from vatwatch.monitoring.alert_records import AlertDelivery, AlertFilter, AlertRecord
from vatwatch.storage.alert_table import find_alerts, write_alerts
from vatwatch.storage.migrate import load, migrate
from vatwatch.storage.retention import RowRetention
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import NetworkState

if TYPE_CHECKING:
    from psycopg2.extensions import connection


def write(conn: connection, *records: AlertRecord) -> None:
    with conn.cursor() as cur:
        write_alerts(cur, records)
    conn.commit()


def found(conn: connection, wanted: AlertFilter | None = None) -> list[AlertRecord]:
    return [*find_alerts(conn, wanted or AlertFilter(), limit=100, after=None)]


def test_a_record_is_read_as_it_was_written_and_a_late_one_changes_nothing(
    conn: connection,
) -> None:
    first = fired().told("firing", ["a", "b"], NOON)
    then = first.delivered(AlertDelivery("a", "firing", "undelivered", NOON, 2, "HTTP 500"))
    over = then.with_cause("worse").told("resolved", ["a"], NOON + MINUTE)
    for record in (first, over, then, first, over):
        write(conn, record)
    assert found(conn) == [over]


def test_filters_of_the_table_and_of_memory_say_the_same(conn: connection) -> None:
    records = [
        fired(1),
        fired(2, NOON + MINUTE).ended(NOON + 3 * MINUTE),
        fired(3, NOON + 2 * MINUTE, rule="degraded", severity="warning"),
        fired(4, NOON + 4 * MINUTE, rule="degraded").ended(NOON + 5 * MINUTE),
    ]
    write(conn, *records)
    for wanted in (
        AlertFilter(),
        AlertFilter(state="active"),
        AlertFilter(state="past"),
        AlertFilter(rule="degraded"),
        AlertFilter(severity="warning", state="active"),
        AlertFilter(since=NOON + 4 * MINUTE),
        AlertFilter(until=NOON + 2 * MINUTE),
        AlertFilter(state="past", since=NOON, until=NOON + 2 * MINUTE),
    ):
        assert found(conn, wanted) == [r for r in reversed(records) if wanted.wants(r)]


def test_pages_join_without_a_gap(conn: connection) -> None:
    records = [fired(n, NOON + n // 3 * MINUTE) for n in range(25)]
    write(conn, *records)
    seen: list[AlertRecord] = []
    after = None
    while page := find_alerts(conn, AlertFilter(), limit=4, after=after):
        seen += page
        after = page[-1].cursor
    assert seen == [*reversed(records)]


def test_old_resolved_alerts_are_deleted_and_active_ones_stay(conn: connection) -> None:
    old, new, active = fired(1), fired(2), fired(3)
    write(conn, old.ended(NOON), new, active)
    with conn.cursor() as cur:
        cur.execute("UPDATE alerts SET until = now() WHERE id = %s", (str(new.id),))
    RowRetention("alerts", "until", timedelta(hours=1)).purge(conn)
    assert {record.id for record in found(conn)} == {new.id, active.id}


def test_a_database_that_is_full_of_the_schema_before_keeps_every_row(conn: connection) -> None:
    with conn.cursor() as cur:
        cur.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    conn.commit()
    migrate(conn, [m for m in load() if m.name != "alerts"])
    known = snapshot(0, pilots=[pilot()], controllers=[controller()])
    write_batch(conn, batch(diff(NetworkState(), known, RULES)))
    with conn.cursor() as cur:
        cur.execute(
            """INSERT INTO errors SELECT gen_random_uuid(), now(), now(), 1, 'f', 's', 'p', 'o',
               'unknown', 'low', 'E', '', '', '', 'none', NULL, NULL FROM generate_series(1, 100)"""
        )
    conn.commit()
    before = everything(conn)
    with conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM errors")
        assert cur.fetchone() == (100,)
        cur.execute("DISCARD TEMP")  # the next version comes over a connection of its own
    assert migrate(conn) == ["alerts"]
    conn.commit()
    with conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM errors")
        assert cur.fetchone() == (100,)
    assert everything(conn) == before
    write(conn, fired())
    assert found(conn) == [fired()]
