"""Settings of the database, of how long things are kept, and of Redis, in a running tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
import redis

from tests.actors.harness import KEY, until
from tests.actors.reloading import Reloading, flights, reloading
from tests.feed_server import DATA, FeedServer, body
from tests.reload.effects import takes_effect
from vatwatch.messages.status import StoreStatus
from vatwatch.supervision import Fault, FaultKind


@takes_effect("DATABASE_TIMEOUT")
def test_a_transaction_may_take_as_long_as_is_set_now(tmp_path: Path, database_url: str) -> None:
    with reloading(tmp_path, database_url=database_url, DATABASE_TIMEOUT=3600) as (one, _feeds):
        one.running.until_next_is_through()
        stored = len(one.running.sql.snapshots())
        conn = psycopg2.connect(database_url)
        try:
            with conn.cursor() as cur:
                cur.execute("LOCK TABLE snapshots IN ACCESS EXCLUSIVE MODE")
                one.running.until_served(one.running.next_update())
                assert not one.running.status("store", StoreStatus).last_error
                # What waits now has the time of before; the next one has not.
                one.take_over(DATABASE_TIMEOUT=0.5)
                conn.rollback()
                until(lambda: len(one.running.sql.snapshots()) > stored, "it is written")
                cur.execute("LOCK TABLE snapshots IN ACCESS EXCLUSIVE MODE")
                one.running.until_served(one.running.next_update())
                until(lambda: one.running.status("store", StoreStatus).last_error, "it gives up")
        finally:
            conn.close()


# --- how long what is stored is kept --------------------------------------------------------------


def an_event(one: Reloading, _feeds: FeedServer) -> None:
    one.running.until_next_is_through()


def a_dead_letter(one: Reloading, feeds: FeedServer) -> None:
    """The event that a part has crashed does not come to who follows it."""
    lost = Fault(FaultKind.DROP, "health_monitor", count=5, message_type="Delivered")
    one.running.tree.faults.inject(lost)
    an_error(one, feeds)


def an_error(one: Reloading, _feeds: FeedServer) -> None:
    one.running.tree.faults.inject(Fault(FaultKind.CRASH, "cache"))
    one.running.until_next_is_through()


def an_unreadable_record(one: Reloading, feeds: FeedServer) -> None:
    feed = json.loads(feeds.advance().data.raw)
    feed["pilots"][0]["latitude"] = "north"
    feeds.say(DATA, body(json.dumps(feed).encode()))


def an_alert_that_is_over(one: Reloading, _feeds: FeedServer) -> None:
    soon = {"VATWATCH_ALERT_FEED_AGE_HOLD": 0, "VATWATCH_ALERT_FEED_AGE_CLEAR": 0}
    one.take_over(VATWATCH_ALERT_FEED_AGE=0.001, VATWATCH_ALERT_INTERVAL=0.1, **soon)
    until(lambda: one.get("/api/alerts")["active"], "an alert")
    one.take_over(VATWATCH_ALERT_FEED_AGE=3600)
    until(lambda: one.get("/api/alerts")["past"], "it is over")


KEPT: list[tuple[str, object, object, str, str, Callable[[Reloading, FeedServer], None]]] = [
    ("VATWATCH_EVENT_RETENTION_HOURS", 1000, 1, "events", "stored_at", an_event),
    ("VATWATCH_EVENT_RETENTION_HOURS", 1000, 1, "dead_letters", "time", a_dead_letter),
    ("ERROR_ANALYTICS_RETENTION_HOURS", 1000, 1, "errors", "last_at", an_error),
    ("VATWATCH_ALERT_RETENTION_HOURS", 1000, 1, "alerts", "until", an_alert_that_is_over),
    (
        "VATWATCH_QUARANTINE_RETENTION_HOURS",
        1000,
        1,
        "quarantine",
        "stored_at",
        an_unreadable_record,
    ),
]


@takes_effect(*(row[0] for row in KEPT))
@pytest.mark.parametrize(("setting", "before", "after", "table", "column", "bring_about"), KEPT)
def test_rows_are_kept_as_long_as_is_set_now(
    tmp_path: Path,
    database_url: str,
    setting: str,
    before: object,
    after: object,
    table: str,
    column: str,
    bring_about: Callable[[Reloading, FeedServer], None],
) -> None:
    """A row of ten hours ago stays for a thousand, and not for one."""
    with reloading(tmp_path, database_url=database_url, **{setting: before}) as (one, feeds):
        one.running.until_next_is_through()
        bring_about(one, feeds)
        until(lambda: one.running.sql(f"SELECT count(*) FROM {table}")[0][0] > 0, "a row")
        assert _age(database_url, table, column) > 0
        count = f"SELECT count(*) FROM {table} WHERE {column} < now() - interval '9 hours'"
        # Another retention makes the store look: this one is kept.
        other = "VATWATCH_HISTORY_RETENTION_DAYS"
        one.take_over(**{other: 3000})
        one.running.until_next_is_through()
        assert one.running.sql(count)[0][0] > 0
        one.take_over(**{setting: after})
        until(lambda: one.running.sql(count)[0][0] == 0, "it is deleted")


def _age(database_url: str, table: str, column: str) -> int:
    """Let the rows of a table be ten hours old; how many there are."""
    conn = psycopg2.connect(database_url)
    try:
        with conn, conn.cursor() as cur:
            cur.execute(
                f"UPDATE {table} SET {column} = now() - interval '10 hours' "
                f"WHERE {column} IS NOT NULL"
            )
            return int(cur.rowcount)
    finally:
        conn.close()


@takes_effect("VATWATCH_HISTORY_RETENTION_DAYS", "VATWATCH_POSITION_RETENTION_DAYS")
@pytest.mark.parametrize(
    ("setting", "table"),
    [
        ("VATWATCH_HISTORY_RETENTION_DAYS", "snapshots"),
        ("VATWATCH_POSITION_RETENTION_DAYS", "positions"),
    ],
)
def test_traffic_is_kept_as_long_as_is_set_now(
    tmp_path: Path, database_url: str, setting: str, table: str
) -> None:
    """The feed's own time is long past; what counts is also since when it is stored."""
    with reloading(tmp_path, database_url=database_url, **{setting: 1}) as (one, _feeds):
        for _ in range(3):
            one.running.until_next_is_through()
        count = f"SELECT count(*) FROM {table}"
        before = one.running.sql(count)[0][0]
        assert before >= 3
        one.take_over(**{setting: 0.0000001, "VATSIM_POLL_INTERVAL": 3600})
        until(lambda: one.running.sql(count)[0][0] < before, "older ones are deleted")


# --- Redis ----------------------------------------------------------------------------------------

LIVES = [
    ("CACHE_TTL_FLIGHT_DATA", "vatwatch:live:flights"),
    ("CACHE_TTL_ATC_DATA", "vatwatch:live:controllers"),
    ("CACHE_TTL_DEFAULT", "vatwatch:config"),
    ("CACHE_TTL_EVENTS", "vatwatch:events"),
]


@takes_effect(*(row[0] for row in LIVES))
@pytest.mark.parametrize(("setting", "key"), LIVES)
def test_keys_in_redis_live_as_long_as_the_new_setting_says(
    tmp_path: Path, redis_url: str, setting: str, key: str
) -> None:
    given = {setting: 60}
    with (
        redis.Redis.from_url(redis_url) as client,
        reloading(tmp_path, environment={"REDIS_URL": redis_url}, **given) as (one, _feeds),
    ):
        flights(one)
        until(lambda: 0 < client.ttl(key) <= 60, "it is in Redis")
        one.take_over(**{setting: 7200})
        until(lambda: client.ttl(key) > 60, "it lives longer")


@takes_effect("EVENT_BUS_MAX_HISTORY_SIZE")
def test_the_stream_in_redis_is_as_long_as_is_set_now(tmp_path: Path, redis_url: str) -> None:
    given = {"EVENT_BUS_MAX_HISTORY_SIZE": 100_000}
    event = {"type": "ERROR_OCCURRED", "payload": {"path": "root", "category": "network"}}
    with (
        redis.Redis.from_url(redis_url) as client,
        reloading(tmp_path, environment={"REDIS_URL": redis_url}, **given) as (one, _feeds),
    ):
        for _ in range(300):
            answer = one.running.http.simulate_post(
                "/api/events", json=event, headers={"Authorization": f"Bearer {KEY}"}
            )
            assert answer.status_code == 202
        until(lambda: client.xlen("vatwatch:events") > 250, "many events")
        # Redis cuts a stream by whole nodes, of a hundred entries.
        one.take_over(EVENT_BUS_MAX_HISTORY_SIZE=5)
        until(lambda: client.xlen("vatwatch:events") <= 200, "it is cut")
