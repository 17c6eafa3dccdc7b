"""A filled database of 0.1.0 is migrated without the loss of a value, and goes on.

`vatwatch-0.1.0.sql.gz` is a dump of one that 0.1.0 filled: 41 snapshots of twelve invented pilots.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from msgspec.structs import replace

from tests.storage.test_plan_rows import READ, filed, write_plan
from tests.storage.test_subscription_table import message, subscription
from tests.storage.test_writer import RULES, batch, rows
from tests.traffic.build import at, feed_of
from vatwatch.access.api_keys import make_key
from vatwatch.access.scopes import Scope
from vatwatch.events.event import EventFilter
from vatwatch.feed.times import time_text
from vatwatch.storage.event_table import find_events
from vatwatch.storage.key_table import insert_key, read_keys, revoke_key
from vatwatch.storage.migrate import migrate
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.subscription_table import (
    read_subscriptions,
    read_waiting,
    write_judgement,
    write_subscription,
)
from vatwatch.storage.writer import write_batch
from vatwatch.subscriptions.occasions import SubscriptionState
from vatwatch.subscriptions.records import KnownSubscription
from vatwatch.traffic.atis import sent_letter
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import Snapshot
from vatwatch.traffic.until_text import until

if TYPE_CHECKING:
    from psycopg2.extensions import connection

DUMP = Path(__file__).with_name("vatwatch-0.1.0.sql.gz")
TABLES = (
    "snapshots",
    "flights",
    "flight_plans",
    "positions",
    "controllers",
    "atis",
    "transceivers",
    "events",
    "quarantine",
)


@pytest.fixture
def filled(database_url: str) -> Iterator[connection]:
    conn = psycopg2.connect(database_url)
    with conn.cursor() as cur:
        cur.execute("SET TIME ZONE 'UTC'")
        cur.execute(gzip.decompress(DUMP.read_bytes()).decode())
    conn.commit()
    yield conn
    conn.close()


def values(conn: connection) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [row[0] for row in rows(conn, f"SELECT to_jsonb(t) FROM {table} t")]
        for table in TABLES
    }


def test_no_value_is_lost_by_the_migration(filled: connection) -> None:
    before = values(filled)
    assert all(before[table] for table in TABLES if table != "quarantine")
    migrate(filled)
    filled.commit()
    after = values(filled)
    for table in TABLES:
        known = (
            [{name: row[name] for name in before[table][0]} for row in after[table]]
            if before[table]
            else after[table]
        )
        assert sorted(map(str, known)) == sorted(map(str, before[table])), table


def test_events_of_before_are_found_by_whom_they_name(filled: connection) -> None:
    long = "é" * 9000  # published by a client: no index takes it whole
    with filled.cursor() as cur:
        cur.execute(
            """INSERT INTO events (id, type, time, source, correlation_id, payload)
               SELECT gen_random_uuid(), type, time, 'api:x', '',
                      payload || jsonb_build_object('callsign', %s::text, 'cid', 10::numeric ^ 4000)
               FROM events WHERE type = 'FLIGHT_CREATED' LIMIT 1""",
            (long,),
        )
    migrate(filled)
    filled.commit()
    every = find_events(filled, EventFilter(), limit=10_000, after=None)
    named = [one for one in every if one.type.startswith(("FLIGHT", "CONTROLLER", "FREQUENCY"))]
    payloads = {one.id: json.loads(bytes(one.payload)) for one in named}
    assert {one["callsign"] for one in payloads.values()} > {long}
    for payload in payloads.values():
        same = {id_ for id_, one in payloads.items() if one["callsign"] == payload["callsign"]}
        wanted = EventFilter(callsign=payload["callsign"][:64])
        assert {one.id for one in find_events(filled, wanted, limit=10_000, after=None)} == same
        if payload["callsign"] != long:
            same = {id_ for id_, one in payloads.items() if one["cid"] == payload["cid"]}
            wanted = EventFilter(cid=payload["cid"])
            assert {one.id for one in find_events(filled, wanted, limit=10_000, after=None)} == same


def test_keys_are_made_and_revoked_after_the_migration(filled: connection) -> None:
    migrate(filled)
    filled.commit()
    assert read_keys(filled) == ()
    key = make_key("bot", {Scope.READ}, at(0)).record
    insert_key(filled, key)
    assert revoke_key(filled, key.id, at(15)) == key.revoked(at(15))
    assert read_keys(filled) == (key.revoked(at(15)),)


def test_subscriptions_are_made_and_judged_after_the_migration(filled: connection) -> None:
    migrate(filled)
    filled.commit()
    one = subscription()
    write_subscription(filled, KnownSubscription(one, SubscriptionState()))
    write_judgement(filled, at(15), {one.id: SubscriptionState(at(15))}, [message(one)], at(16))
    found = read_subscriptions(filled)
    assert found.known == (KnownSubscription(one, SubscriptionState(at(15))),)
    assert found.judged_at == at(15)
    assert len(read_waiting(filled, 10)) == 1


def test_what_was_going_on_goes_on_after_the_migration(filled: connection) -> None:
    ids = dict(rows(filled, "SELECT callsign, flight_id FROM flights WHERE ended_as IS NULL"))
    migrate(filled)
    filled.commit()
    state, _ = read_network_state(filled, RULES)
    assert state.time is not None
    assert {f.flight_id for f in state.flights.values()} <= set(ids.values())
    time = state.time + timedelta(seconds=15)
    feed = feed_of(state)
    head = replace(feed.general, update_timestamp=time_text(time), unique_users=None)
    pilots = [replace(each, altitude=None, heading=None) for each in feed.pilots]
    changes = diff(state, Snapshot(time, replace(feed, general=head, pilots=pilots), None), RULES)
    assert changes.flights.created == []
    assert changes.flights.ended == []
    write_batch(filled, batch(changes))
    again, stored = read_network_state(filled, RULES, time)
    assert stored
    assert {f.pilot.callsign for f in again.flights.values()} == set(state.flights)
    assert rows(filled, "SELECT count(*) FROM positions WHERE altitude IS NULL") != [(0,)]
    assert rows(
        filled,
        """SELECT count(*) FROM flights f WHERE NOT EXISTS
           (SELECT FROM connections c WHERE c.flight_id = f.flight_id)""",
    ) == [(0,)]


def test_plans_of_before_keep_their_texts_alone_and_new_ones_are_read(filled: connection) -> None:
    migrate(filled)
    filled.commit()
    assert rows(filled, "SELECT count(*) FROM flight_plans") > [(10,)]
    unread = f"num_nonnulls({READ.replace('cruise_altitude_ft,', '')}) = 0"
    assert rows(filled, f"SELECT count(*) FROM flight_plans WHERE NOT {unread}") == [(0,)]
    state, _ = read_network_state(filled, RULES)
    assert state.time is not None
    write_plan(filled, state, (state.time - at(0)).total_seconds() + 15, filed())
    assert rows(
        filled, "SELECT aircraft_type FROM flight_plans WHERE rules IS NOT NULL AND flight_id > 0"
    ) == [("A320",)]


def test_stations_of_before_keep_null_and_are_derived_from_now_on(filled: connection) -> None:
    migrate(filled)
    filled.commit()
    derived = "num_nulls(state, placed_by, until, held, connected_s, frequency_s, rules) = 7"
    assert rows(filled, f"SELECT count(*) FROM controllers WHERE NOT ({derived})") == [(0,)]
    derived = "num_nulls(kind, letter, other_since, qnh_mb, said, last_seen, rules) = 7"
    assert rows(filled, f"SELECT count(*) FROM atis WHERE NOT ({derived})") == [(0,)]
    state, _ = read_network_state(filled, RULES)
    assert state.time is not None
    assert state.sessions
    assert state.atis
    for session in state.sessions.values():
        assert session.frequencies[0].since == session.first_seen
        assert session.until == until(session.controller.text_atis, session.last_seen)
    for version in state.atis.values():
        assert version.letter == sent_letter(version)
    time = state.time + timedelta(seconds=15)
    feed = feed_of(state)
    head = replace(feed.general, update_timestamp=time_text(time))
    write_batch(filled, batch(diff(state, Snapshot(time, replace(feed, general=head), {}), RULES)))
    # What was not counted from the start stays unknown, also of those that go on.
    assert rows(filled, "SELECT count(*) FROM controllers WHERE connected_s IS NOT NULL") == [(0,)]
    again, _ = read_network_state(filled, RULES, time)
    assert again.sessions.keys() == state.sessions.keys()
