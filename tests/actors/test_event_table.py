"""Events and dead letters in the table, with the database away, and across processes."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import gevent.event
import psycopg2

from tests.actors.bus_house import (
    NOON,
    Event,
    House,
    Lost,
    bus_house,
    event,
    nothing,
    numbers,
    table,
)
from tests.actors.harness import Poison, Query, until
from tests.actors.postgres_proxy import PostgresProxy
from vatwatch.events.dead_letters import LetterFilter
from vatwatch.events.event import EventFilter
from vatwatch.events.payloads import PositionPayload
from vatwatch.messages import (
    DiscardDeadLetter,
    FindDeadLetter,
    FindDeadLetters,
    FindEvents,
    RedeliverDeadLetter,
    StoreEvents,
)
from vatwatch.storage.outbox import BUS_LINES, Outbox
from vatwatch.storage.retention import RowRetention
from vatwatch.supervision import Fault, FaultKind

NOWHERE = "host='/nowhere' user=nobody dbname=nothing"


def ids(*events: Event) -> list[str]:
    return sorted(str(one.id) for one in events)


def until_stored(database: str, *events: Event) -> None:
    until(lambda: stored(database) == ids(*events), "the table has these events, once each")


def stored(database: str) -> list[str]:
    try:
        return sorted(table(database))
    except psycopg2.errors.UndefinedTable:
        return []


def letters(database: str) -> list[tuple[Any, ...]]:
    try:
        return Query(database)("SELECT kind, receiver, type, reason, attempts FROM dead_letters")
    except psycopg2.errors.UndefinedTable:
        return []


def until_settled(house: House) -> None:
    until(lambda: house.status().unstored == 0)


def raises(_event: Event) -> None:
    raise ValueError("no")


def test_every_event_is_in_the_table_once(database_url: str, tmp_path: Path) -> None:
    given = [event(n) for n in range(2500)]  # more than go at once
    with bus_house(database=database_url, home=tmp_path) as house:
        house.publish(*given[:10])
        house.publish(*given)
        house.publish(given[3])
        until_settled(house)
        until_stored(database_url, *given)
        assert house.ask("history", FindEvents(EventFilter(), 1))[0].event() == given[-1]
        assert Outbox(tmp_path / "events.outbox", BUS_LINES).load() == []


def test_events_wait_for_a_database_that_is_away(database_url: str, tmp_path: Path) -> None:
    given = [event(n) for n in range(30)]
    with (
        PostgresProxy(tmp_path, database_url) as cable,
        bus_house({"bad": raises}, database=cable.dsn, home=tmp_path, retries=0) as house,
    ):
        house.publish(given[0])
        until_stored(database_url, given[0])
        cable.cut()
        for one in given[1:]:
            house.publish(one)
        until(lambda: house.status().unstored >= 2 * 29)
        cable.mend()
        until_settled(house)
        until_stored(database_url, *given)
        assert len(letters(database_url)) == 30
        assert house.status().given_up == 0


def test_of_too_many_that_wait_the_oldest_is_given_up_and_counted(
    database_url: str, tmp_path: Path
) -> None:
    given = [event(n) for n in range(30)]
    with (
        PostgresProxy(tmp_path, database_url) as cable,
        bus_house(database=cable.dsn, backlog_size=10, home=tmp_path) as house,
    ):
        until(lambda: stored(database_url) == [] and table_is_there(database_url))
        cable.cut()
        for one in given:
            house.publish(one)
        until(lambda: house.status().published == 30)
        assert house.status().given_up == 20
        assert house.status().unstored == 10
        assert len(Outbox(tmp_path / "events.outbox", BUS_LINES).load()) <= 20
        cable.mend()
        until_settled(house)
        # The first of all may have been on its way already.
        assert set(stored(database_url)) - {str(given[0].id)} == set(ids(*given[20:]))


def table_is_there(database: str) -> bool:
    return bool(Query(database)("SELECT to_regclass('dead_letters') IS NOT NULL")[0][0])


def test_a_store_that_crashes_with_events_in_hand_costs_none(database_url: str) -> None:
    given = [event(n) for n in range(20)]
    with bus_house(database=database_url) as house:
        house.tree.faults.inject(
            Fault(FaultKind.CRASH, "store", count=2, message_type="StoreEvents")
        )
        house.publish(*given)
        until_settled(house)
        until_stored(database_url, *given)
        assert house.restarts("store") == 2


def test_an_acknowledgement_that_is_lost_is_asked_for_again(database_url: str) -> None:
    given = [event(n) for n in range(5)]
    with bus_house(database=database_url) as house:
        house.tree.faults.inject(Fault(FaultKind.DROP, "event_bus", message_type="EventsStored"))
        house.publish(*given)
        until_settled(house)
        until_stored(database_url, *given)


def test_a_bus_that_crashes_loses_no_event_that_waits(database_url: str, tmp_path: Path) -> None:
    given = [event(n) for n in range(10)]
    with (
        PostgresProxy(tmp_path, database_url) as cable,
        bus_house(database=cable.dsn) as house,
    ):
        cable.cut()
        house.publish(*given[:5])
        house.tell("event_bus", Poison())
        house.publish(*given[5:])
        house.until_restarted("event_bus")
        cable.mend()
        until_stored(database_url, *given)


def test_an_event_that_the_table_refuses_costs_no_other_and_is_a_dead_letter(
    database_url: str,
) -> None:
    good = event(1)
    bad = Event(uuid4(), "POSITION_UPDATE", NOON, "test", "a\0b", PositionPayload(1, 0))
    with bus_house(database=database_url) as house:
        house.tell("store", StoreEvents((bad, good)))
        until_stored(database_url, good)
        until(lambda: len(letters(database_url)) == 1)
        assert letters(database_url)[0][:4] == ("event", "store", "POSITION_UPDATE", "refused")


def test_dead_letters_are_in_the_table_until_they_are_delivered_or_discarded(
    database_url: str,
) -> None:
    broken = [True]

    def handle(_event: Event) -> None:
        if broken:
            raise ValueError("broken")

    with bus_house({"a": handle}, database=database_url, retries=1, max_dead_letters=1) as house:
        given = [event(n) for n in range(3)]
        house.publish(*given)
        until(lambda: letters(database_url) == 3 * [("event", "a", "POSITION_UPDATE", "failed", 2)])
        first, second, third = house.ask("history", FindDeadLetters(LetterFilter(receiver="a"), 10))
        assert {x.event.event().id for x in (first, second, third)} == {x.id for x in given}
        broken.clear()
        house.ask("event_bus", RedeliverDeadLetter(second))  # in the table only
        until(lambda: len(letters(database_url)) == 2)
        assert [one.id for one in house.heard["a"]] == [second.event.event().id]
        house.ask("event_bus", DiscardDeadLetter(third.id))
        assert house.ask("history", FindDeadLetter(third.id)) is None
        assert house.ask("history", FindDeadLetter(first.id)) == first


def test_a_message_that_died_is_in_the_table_and_letters_do_not_breed(database_url: str) -> None:
    with bus_house(database=database_url) as house:
        house.tell("nobody", Lost("x"))
        until(lambda: ("message", "nobody", "Lost", "unknown", 1) in letters(database_url))
        before = house.status().dead_messages
        house.tree.faults.inject(
            Fault(FaultKind.DROP, "store", count=3, message_type="StoreEvents")
        )
        house.tell("nobody", Lost("y"))
        until(lambda: house.status().dead_messages >= before + 2)
        until_settled(house)
        kinds = [row[2] for row in letters(database_url)]
        assert kinds.count("Lost") == 2
        assert "StoreEvents" not in kinds


def test_the_next_process_delivers_and_stores_what_is_left_at_a_stop(
    database_url: str, tmp_path: Path
) -> None:
    never = gevent.event.Event()
    given = [event(n) for n in range(8)]
    with bus_house(
        {"a": lambda _event: bool(never.wait()) or None, "bad": raises},
        database=NOWHERE, home=tmp_path, retries=0,
    ) as house:  # fmt: skip
        house.publish(*given)
        until(lambda: len([x for x in house.letters() if x.receiver == "bad"]) == 8)
    with bus_house({"a": nothing, "bad": nothing}, database=database_url, home=tmp_path) as house:
        until(lambda: numbers(house.heard["a"]) == [*range(8)])
        until_settled(house)
        until_stored(database_url, *given)
        assert len([row for row in letters(database_url) if row[1] == "bad"]) == 8
        assert house.heard["bad"] == []
    with bus_house({"a": nothing}, database=database_url, home=tmp_path) as house:
        until_settled(house)
        assert house.heard["a"] == []


def test_events_of_a_process_that_was_killed_are_stored_by_the_next_one(
    database_url: str, tmp_path: Path
) -> None:
    given = [event(n) for n in range(8)]
    killed, after = tmp_path / "killed", tmp_path / "after"
    with bus_house(database=NOWHERE, home=killed) as house:
        house.publish(*given)
        until(lambda: house.status().published == 8)
        # As a kill leaves it: nothing is written on the way out, and the last line is torn.
        shutil.copytree(killed, after)
    with (after / "events.outbox").open("ab") as file:
        file.write(b'{"type":"event","event":{"id":')
    with bus_house(database=database_url, home=after) as house:
        until_settled(house)
        until_stored(database_url, *given)


def test_rows_older_than_their_retention_are_deleted_and_the_rest_stays(database_url: str) -> None:
    kept = RowRetention("events", "stored_at", timedelta(hours=1))
    old, new = event(1), event(2)
    # Nothing is to be written a second time after it has gone.
    with bus_house(database=database_url, retentions=[kept], purge_s=0.05, resend_s=3600) as house:
        house.publish(old, new)
        until_stored(database_url, old, new)
        conn = psycopg2.connect(database_url)
        with conn, conn.cursor() as cur:
            cur.execute(
                "UPDATE events SET stored_at = now() - interval '61 minutes' WHERE id = %s",
                (str(old.id),),
            )
        conn.close()
        until_stored(database_url, new)


def test_pages_of_the_table_join_without_a_gap(database_url: str) -> None:
    with bus_house(database=database_url) as house:
        same = [
            Event(UUID(int=n), "POSITION_UPDATE", NOON, "test", "", PositionPayload(n, 0))
            for n in range(25)
        ]
        house.publish(*same, event(-1, source="other"))
        until_settled(house)
        seen: list[int] = []
        after = None
        while page := house.ask("history", FindEvents(EventFilter(source="test"), 10, after)):
            seen += numbers([row.event() for row in page])
            after = page[-1].cursor
        assert seen == sorted(range(25), reverse=True)
