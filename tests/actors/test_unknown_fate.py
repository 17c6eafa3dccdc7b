"""A commit whose answer is lost: it was done, and the service repeats it. The rows must be the same
as without that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg2
import pytest

from tests.actors.bus_house import event
from tests.actors.harness import KEY, Running, running, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_keys import new_key
from tests.actors.test_snapshot import time_of, updates
from tests.conftest import copied_database
from tests.monitoring.test_alert_records import fired
from tests.storage.test_error_table import error
from tests.storage.test_subscription_table import STATE, message, subscription
from tests.traffic.build import at
from vatwatch.actors.database import Database
from vatwatch.actors.store import StoreActor
from vatwatch.events.dead_letters import DeadLetter
from vatwatch.storage.alert_table import write_alerts
from vatwatch.storage.error_table import write_errors
from vatwatch.storage.event_table import write_events, write_letters
from vatwatch.storage.key_table import insert_key, note_uses, revoke_key
from vatwatch.storage.subscription_table import (
    delete_subscription,
    deliver_again,
    finish_delivery,
    write_judgement,
    write_subscription,
)
from vatwatch.subscriptions.occasions import SubscriptionState
from vatwatch.subscriptions.records import KnownSubscription

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

Work = Callable[["connection"], object]

# When it was fetched and stored differs between two runs.
ROWS = "SELECT to_jsonb(t) - 'stored_at' - 'fetched_at' FROM {} t ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Write:
    """What is written after what, into which table, and how its statement begins."""

    table: str
    statement: bytes
    work: Work
    before: Sequence[Work] = ()


def by_cursor(write: Callable[[cursor, Any], None], records: Any) -> Work:
    def work(conn: connection) -> None:
        with conn.cursor() as cur:
            write(cur, records)

    return work


LETTER = DeadLetter(uuid4(), "message", "a", "B", "failed", "no", 1, at(0), None, "m")
API_KEY = new_key().record
SUBSCRIPTION = subscription()
KNOWN = KnownSubscription(SUBSCRIPTION, SubscriptionState())
MESSAGE = message(SUBSCRIPTION)
add_key = partial(insert_key, key=API_KEY)
add_subscription = partial(write_subscription, known=KNOWN)
judge = partial(
    write_judgement,
    judged_at=at(15),
    states={SUBSCRIPTION.id: STATE},
    messages=[MESSAGE],
    now=at(16),
)
finish = partial(
    finish_delivery,
    message_id=MESSAGE.occasion.id,
    state="undelivered",
    attempts=3,
    error="no",
    now=at(17),
)
again = partial(deliver_again, subscription_id=SUBSCRIPTION.id, message_id=MESSAGE.occasion.id)
remove = partial(delete_subscription, subscription_id=SUBSCRIPTION.id)
DELIVERIES = "subscription_deliveries"

WRITES = {
    "events": Write("events", b"INTO events", by_cursor(write_events, [event(1), event(2)])),
    "a dead letter": Write(
        "dead_letters", b"INTO dead_letters", by_cursor(write_letters, [(LETTER.id, LETTER)])
    ),
    "a dead letter that is gone": Write(
        "dead_letters",
        b"FROM dead_letters",
        by_cursor(write_letters, [(LETTER.id, None)]),
        [by_cursor(write_letters, [(LETTER.id, LETTER)])],
    ),
    "errors": Write("errors", b"INTO errors", by_cursor(write_errors, [error(1), error(2)])),
    "alerts": Write("alerts", b"INTO alerts", by_cursor(write_alerts, [fired(1), fired(2)])),
    "a key": Write("api_keys", b"INTO api_keys", add_key),
    "a key that is revoked": Write(
        "api_keys",
        b"UPDATE api_keys",
        partial(revoke_key, key_id=API_KEY.id, now=at(9)),
        [add_key],
    ),
    "the use of a key": Write(
        "api_keys",
        b"UPDATE api_keys",
        partial(note_uses, uses={API_KEY.id: at(9)}),
        [add_key],
    ),
    "a subscription": Write("subscriptions", b"INTO subscriptions", add_subscription),
    "a subscription that is gone": Write(
        "subscriptions", b"FROM subscriptions", remove, [add_subscription, judge]
    ),
    "a judgement": Write("subscriptions", b"INTO subscription_pr", judge, [add_subscription]),
    "the messages of a judgement": Write(
        DELIVERIES, b"INTO subscription_deliveries", judge, [add_subscription]
    ),
    "the end of a delivery": Write(
        DELIVERIES, b"UPDATE subscription_deliveries", finish, [add_subscription, judge]
    ),
    "a delivery that is tried again": Write(
        DELIVERIES, b"UPDATE subscription_deliveries", again, [add_subscription, judge, finish]
    ),
}


def rows(url: str, table: str) -> list[tuple[Any, ...]]:
    conn = psycopg2.connect(url)
    try:
        with conn.cursor() as cur:
            cur.execute(ROWS.format(table))
            return cur.fetchall()
    finally:
        conn.close()


def database_of(service: Running) -> Database:
    slot = service.tree.directory.find("store")
    assert slot is not None
    assert slot.incarnation is not None
    assert isinstance(slot.incarnation.actor, StoreActor)
    return slot.incarnation.actor._database


@pytest.fixture
def undisturbed(postgresql: str, made_database: str) -> Iterator[str]:
    """A second database, for the same without the fault."""
    with copied_database(postgresql, made_database) as url:
        yield url


@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_twice_is_there_as_if_once(
    name: str, tmp_path: Path, database_url: str, undisturbed: str
) -> None:
    write = WRITES[name]
    conn = psycopg2.connect(undisturbed)
    for work in (*write.before, write.work):
        with conn:
            work(conn)
    conn.close()
    # No part of the service writes of its own accord: only what is compared is there.
    quiet = {"ERROR_MANAGER_ENABLED": "off"}
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        running(tmp_path, proxy.dsn, look_at=database_url, **quiet) as service,
    ):
        database = database_of(service)
        for work in write.before:
            database.run(work)
        proxy.lose_answer(write.statement)
        database.run(write.work)
        assert proxy.lost == 1
        expected = rows(undisturbed, write.table)
        found = rows(database_url, write.table)
        assert [row for row in found if row in expected] == expected
        if write.table != "events":  # the service has its own
            assert found == expected


TABLES = ("flights", "positions", "controllers", "snapshots")


def test_a_snapshot_that_is_written_twice_is_there_as_if_once(
    tmp_path: Path, database_url: str, undisturbed: str
) -> None:
    for number, (url, at_fault) in enumerate(((undisturbed, False), (database_url, True))):
        home = tmp_path / str(number)
        home.mkdir()
        with (
            PostgresProxy(home, url) as proxy,
            running(home, proxy.dsn, look_at=url) as service,
        ):
            for one in updates(4):
                if at_fault:
                    proxy.lose_answer(b"INTO snapshots")
                service.hand_in(one)
                service.until_stored(time_of(one))
            assert proxy.lost == (4 if at_fault else 0)
    for table in TABLES:
        assert rows(database_url, table) == rows(undisturbed, table), table
    of_snapshots = "(SELECT id FROM events WHERE correlation_id LIKE '20%' AND source <> 'store')"
    assert rows(database_url, of_snapshots) == rows(undisturbed, of_snapshots)


def test_a_key_whose_answer_was_lost_is_made_and_works(tmp_path: Path, database_url: str) -> None:
    """The client hears of it: without its secret the key would be of no use to anybody."""
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        running(tmp_path, proxy.dsn, look_at=database_url) as service,
    ):
        headers = {"Authorization": f"Bearer {KEY}"}
        until(
            lambda: service.http.simulate_get("/api/keys", headers=headers).status_code == 200,
            "the keys are read",
        )
        proxy.lose_answer(b"INTO api_keys")
        body = {"name": "bot", "scopes": ["events"]}
        made = service.http.simulate_post("/api/keys", json=body, headers=headers)
        assert proxy.lost == 1
        assert made.status_code == 201, made.text
        assert len(rows(database_url, "api_keys")) == 1
