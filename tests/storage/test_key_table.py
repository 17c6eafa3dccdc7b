"""API keys in their table: written as they are, revoked once, and their uses not too often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg2
import pytest
from msgspec.structs import replace

from vatwatch.access.api_keys import ApiKey, make_key
from vatwatch.access.scopes import Scope
from vatwatch.storage.key_table import insert_key, note_uses, read_keys, revoke_key

if TYPE_CHECKING:
    from psycopg2.extensions import connection

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def made(conn: connection, name: str = "bot", after_s: float = 0) -> ApiKey:
    key = make_key(name, set(Scope), NOON + after_s * SECOND, NOON + timedelta(days=365)).record
    insert_key(conn, key)
    conn.commit()
    return key


def test_a_key_is_read_as_it_was_written_and_the_newest_first(conn: connection) -> None:
    first, second = made(conn, "Zürich ✈"), made(conn, "Zürich ✈", 1)
    forever = replace(make_key("x", {Scope.READ}, NOON - SECOND).record)
    insert_key(conn, forever)
    assert read_keys(conn) == (second, first, forever)


def test_a_key_is_revoked_at_the_time_that_it_was_revoked_first(conn: connection) -> None:
    key, other = made(conn), made(conn, after_s=1)
    assert revoke_key(conn, key.id, NOON + SECOND) == key.revoked(NOON + SECOND)
    assert revoke_key(conn, key.id, NOON + 2 * SECOND) == key.revoked(NOON + SECOND)
    assert read_keys(conn) == (other, key.revoked(NOON + SECOND))
    assert revoke_key(conn, make_key("x", {Scope.READ}, NOON).record.id, NOON) is None


def test_a_use_is_written_if_it_is_a_minute_after_the_one_that_is_there(conn: connection) -> None:
    key, other = made(conn), made(conn, after_s=1)
    for seconds, told in ((10, 10), (69, 10), (70, 70), (5, 70), (131, 131)):
        note_uses(conn, {key.id: NOON + seconds * SECOND})
        assert [one.last_used_at for one in read_keys(conn)] == [None, NOON + told * SECOND]
    note_uses(conn, {key.id: NOON + 200 * SECOND, other.id: NOON + 7 * SECOND})
    used = {one.id: one.last_used_at for one in read_keys(conn)}
    assert used == {key.id: NOON + 200 * SECOND, other.id: NOON + 7 * SECOND}


@pytest.mark.parametrize(
    "change",
    ["scopes = '{read,everything}'", "hash = 'vw_a_key_itself'", "prefix = 'vw_taken'"],
)
def test_the_table_takes_no_key_in_clear_no_other_scope_and_no_prefix_twice(
    conn: connection, change: str
) -> None:
    made(conn)
    with conn.cursor() as cur:
        cur.execute("UPDATE api_keys SET prefix = 'vw_taken'")
        other = make_key("other", {Scope.READ}, NOON).record
        insert_key(conn, other)
        with pytest.raises(psycopg2.IntegrityError):
            cur.execute(f"UPDATE api_keys SET {change} WHERE id = '{other.id}'")
