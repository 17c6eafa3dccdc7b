"""What is stored need not be handed over: two nodes have fetched the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from psycopg2.extensions import connection

from vatwatch.feed.clock import Moment
from vatwatch.storage.handed_snapshots import (
    HandedSnapshot,
    fitting,
    hand_in,
    oldest_handed,
    taken,
)
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


def store(conn: connection, moment: datetime, fetched_at: datetime | None = None) -> None:
    with conn.cursor() as cur:
        cur.execute(
            """INSERT INTO snapshots (update_timestamp, fetched_at, pilots, controllers, atis,
                   prefiles, connected_clients, unique_users, quarantined, kept_out, source)
               VALUES (%s, %s, 0, 0, 0, 0, 0, 0, 0, '{}', 'test')""",
            (moment, fetched_at or moment),
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


@pytest.mark.parametrize(
    ("ahead_s", "fits"), [(0, True), (4, True), (6, False), (-6, False), (90_000, False)]
)
def test_a_clock_was_right_if_it_agrees_with_what_others_have_fetched(
    ahead_s: float, fits: bool, conn: connection
) -> None:
    def at(second: float) -> datetime:
        return TIME + timedelta(seconds=second)

    # The feed's clock may differ from ours; what counts is the order.
    feed_s = 3600.0
    held = Moment(at(15 + feed_s + ahead_s), at(15))
    assert fitting(conn, [held]) == []
    store(conn, at(10 + feed_s), at(10))
    assert fitting(conn, [held]) == [], "nobody has fetched anything since"
    store(conn, at(20 + feed_s), at(20))
    assert fitting(conn, [held]) == ([held] if fits else [])


def test_the_first_one_of_all_is_certain_once_there_is_a_later_one(conn: connection) -> None:
    held = Moment(TIME, TIME)
    later = TIME + timedelta(seconds=15)
    store(conn, later)
    assert fitting(conn, [held]) == [held]
