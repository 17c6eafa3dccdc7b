"""What is stored need not be handed over: two nodes have fetched the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from psycopg2.extensions import connection

from vatwatch.storage.handed_snapshots import HandedSnapshot, hand_in, oldest_handed, taken
from vatwatch.storage.migrate import migrate

TIME = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def conn(database_url: str) -> Iterator[connection]:
    with closing(psycopg2.connect(database_url)) as conn:
        migrate(conn)
        yield conn


def handed(number: int, node: str = "one") -> HandedSnapshot:
    moment = TIME + timedelta(seconds=number)
    return HandedSnapshot(node, number, moment, moment, "test", b"data", None)


def store(conn: connection, moment: datetime) -> None:
    with conn.cursor() as cur:
        cur.execute(
            """INSERT INTO snapshots (update_timestamp, fetched_at, pilots, controllers, atis,
                   prefiles, connected_clients, unique_users, quarantined, kept_out, source)
               VALUES (%s, %s, 0, 0, 0, 0, 0, 0, 0, '{}', 'test')""",
            (moment, moment),
        )


def test_the_oldest_comes_first_until_it_is_taken(conn: connection) -> None:
    for number in (2, 1):
        hand_in(conn, handed(number))
        hand_in(conn, handed(number))
    assert oldest_handed(conn) == handed(1)
    taken(conn, handed(1))
    assert oldest_handed(conn) == handed(2)
    taken(conn, handed(2))
    assert oldest_handed(conn) is None


def test_what_is_stored_is_neither_put_there_nor_taken(conn: connection) -> None:
    store(conn, handed(1).update_timestamp)
    hand_in(conn, handed(1))
    hand_in(conn, handed(2))
    hand_in(conn, handed(3))
    assert oldest_handed(conn) == handed(2)
    store(conn, handed(2).update_timestamp)
    assert oldest_handed(conn) == handed(3)
