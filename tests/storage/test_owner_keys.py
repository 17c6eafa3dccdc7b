"""Every key of a table that grows holds the row's owner, so that the tables can be spread.

A distributed database puts the rows of one flight, session or station on one machine. For that,
each primary and unique key of the table must hold the owner's column, and the column must never be
null (so it is with Citus, and with PostgreSQL's own partitions by hash).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.test_writer import rows

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# The column that says whose a row is, of each table that grows with the traffic.
OWNERS = {
    "flights": "flight_id",
    "positions": "flight_id",
    "connections": "flight_id",
    "flight_plans": "flight_id",
    "controllers": "session_id",
    "late_sights": "session_id",
    "frequency_matches": "flight_id",
    "sector_occupancy": "flight_id",
    "atis": "callsign",
    "transceivers": "callsign",
    "events": "callsign",
    "quarantine": "callsign",
}
# Small, or kept in one place: nobody's rows.
NOT_SPREAD = {
    "snapshots": "one row a snapshot; all others are written with it",
    "sectors": "the same on each machine",
    "airports": "the same on each machine",
    "reference_data": "the same on each machine",
    "schema_migrations": "of the database itself",
    "outside_filters": "one row, of the newest snapshot",
    "errors": "of the service itself, kept for some days",
    "dead_letters": "of the service itself, kept for some days",
    "alerts": "of the service itself, kept for some weeks",
    "api_keys": "of the service itself, a row a key",
    "subscriptions": "of the service itself, a hundred rows a key at most",
    "subscription_deliveries": "of the service itself, kept for some weeks",
    "subscription_progress": "one row",
    "collector": "one row",
    "handed_snapshots": "of nodes, and gone as soon as the collector has taken them",
}
# Older than the rule. Their ids are computed from the owner, but the keys do not hold it: a plan's
# flight is null for a prefile, and an event has its subject in the payload.
KNOWN_EXCEPTIONS = {"flight_plans_pkey", "atis_pkey", "transceivers_pkey", "events_pkey"}

KEYS = """
SELECT c.relname, i.relname,
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnotnull)
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (x.indkey)
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
  AND (x.indisunique OR x.indisexclusion)
GROUP BY 1, 2
"""


def keys(conn: connection) -> dict[str, tuple[str, list[str]]]:
    """Table and columns that are never null, by the name of the key."""
    return {key: (table, columns or []) for table, key, columns in rows(conn, KEYS)}


def offenders(conn: connection) -> set[str]:
    """Keys of tables that grow which do not hold the owner, or hold it and it may be null."""
    return {
        key
        for key, (table, columns) in keys(conn).items()
        if table not in NOT_SPREAD and OWNERS.get(table) not in columns
    }


def test_it_is_known_of_every_table_whose_its_rows_are(conn: connection) -> None:
    tables = rows(
        conn,
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
           AND relkind IN ('r', 'p') AND NOT relispartition""",
    )
    assert {name for (name,) in tables} == OWNERS.keys() | NOT_SPREAD.keys()
    assert not OWNERS.keys() & NOT_SPREAD.keys()


def test_every_key_of_a_table_that_grows_holds_the_owner_and_that_is_never_null(
    conn: connection,
) -> None:
    assert offenders(conn) == KNOWN_EXCEPTIONS


def test_a_key_without_the_owner_or_with_one_that_may_be_null_would_be_found(
    conn: connection,
) -> None:
    with conn.cursor() as cur:
        cur.execute("CREATE UNIQUE INDEX by_name ON flights (callsign, first_seen)")
        cur.execute("CREATE UNIQUE INDEX by_flight ON flight_plans (flight_id, first_seen)")
        cur.execute("CREATE UNIQUE INDEX as_it_should_be ON controllers (session_id, cid)")
    found = offenders(conn) - KNOWN_EXCEPTIONS
    conn.rollback()
    assert found == {"by_name", "by_flight"}
