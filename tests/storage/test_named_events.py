"""Events by whom they name: the same from the table and from the event bus, and by an index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import cursor

from tests.events.named import NOON, filters, named_events
from vatwatch.actors.event_memory import BusMemory
from vatwatch.events.event import Cursor, Event, EventFilter
from vatwatch.events.payloads import ContactPayload, DataPayload, FlightPayload
from vatwatch.storage.event_table import find_events, write_events

if TYPE_CHECKING:
    from psycopg2.extensions import connection


def write(conn: connection, events: list[Event]) -> None:
    with conn.cursor() as cur:
        cur.execute("TRUNCATE events")
        write_events(cur, events)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=named_events(), wanted=filters, limit=st.integers(1, 5))
def test_the_table_and_the_ring_answer_the_same_and_pages_miss_nothing(
    conn: connection, events: list[Event], wanted: EventFilter, limit: int
) -> None:
    ring = BusMemory(max_history_size=100, max_dead_letter_size=1)
    ring.history.extend(events)
    write(conn, events)

    def in_table(limit: int, after: Cursor | None = None) -> list[UUID]:
        return [one.id for one in find_events(conn, wanted, limit=limit, after=after)]

    def in_ring(limit: int, after: Cursor | None = None) -> list[UUID]:
        return [one.id for one in ring.find_events(wanted, limit, after)]

    cursors = {one.id: one.cursor for one in events}
    all_of_them = in_ring(100)
    assert in_table(100) == all_of_them
    for ask in (in_table, in_ring):
        paged: list[UUID] = []
        while page := ask(limit, cursors[paged[-1]] if paged else None):
            paged += page
        assert paged == all_of_them


def many() -> list[Event]:
    """20,000 events: of 500 flights, of which every fifth is a contact with one of 20 stations, and
    as many of the service."""
    events = []
    for n in range(20_000):
        pilot, cid, time = f"DLH{n % 500}", 1_000_000 + n % 500, NOON + timedelta(seconds=n // 40)
        if n % 2:
            kind, payload = "DATA_STORED", DataPayload(time)
        elif n % 10:
            kind, payload = "FLIGHT_CREATED", FlightPayload("1", cid, pilot, time)
        else:
            station = f"E{n // 10 % 20:03}_TWR"
            kind, payload = (
                "CONTACT_BEGAN",
                ContactPayload(
                    "1",
                    "2",
                    cid,
                    pilot,
                    station,
                    2_000_000 + n // 10 % 20,
                    4,
                    1,
                    "radios",
                    time,
                    1.0,
                ),
            )
        events.append(Event(UUID(int=n), kind, time, "test", "", payload))
    return events


BY_CALLSIGN, BY_CID = (
    {"events_callsign", "events_other_callsign"},
    {"events_cid", "events_other_cid"},
)
QUESTIONS = [
    (EventFilter(callsign="dlh40"), BY_CALLSIGN),
    (EventFilter(callsign="E003_TWR"), BY_CALLSIGN),
    (EventFilter(callsign="dlh42*"), BY_CALLSIGN),
    (EventFilter(callsign="E003?TW*"), BY_CALLSIGN),
    (EventFilter(cid=1_000_042), BY_CID),
    (EventFilter(cid=2_000_003), BY_CID),
    (EventFilter(cid=1_000_040, callsign="*_TWR"), BY_CID),
]


def test_each_question_has_its_index(conn: connection) -> None:
    write(conn, many())
    with conn.cursor() as cur:
        cur.execute("ANALYZE events")
    for after in (None, (NOON + timedelta(seconds=300), UUID(int=12_000))):
        for wanted, indexes in QUESTIONS:
            assert find_events(conn, wanted, limit=100, after=after), wanted
            assert scans(conn, wanted, after) == indexes, wanted


class Explaining(cursor):
    """Keeps the plan of each statement that it executes."""

    plans: ClassVar[list[Any]] = []

    def execute(self, query: Any, values: Any = None) -> None:
        super().execute(f"EXPLAIN (FORMAT JSON) {query}", values)
        row = self.fetchone()
        assert row is not None
        self.plans.append(row[0])
        super().execute(query, values)


def scans(conn: connection, wanted: EventFilter, after: Cursor | None) -> set[str]:
    """What the rows of an answer are found by: indexes, and tables that are read whole."""
    Explaining.plans.clear()
    factory, conn.cursor_factory = conn.cursor_factory, Explaining
    try:
        find_events(conn, wanted, limit=100, after=after)
    finally:
        conn.cursor_factory = factory
    return set(found_by(Explaining.plans))


def found_by(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for each in plan:
            yield from found_by(each)
    if isinstance(plan, dict):
        if "Index Name" in plan:
            yield plan["Index Name"]
        elif plan.get("Node Type") == "Seq Scan":
            yield plan["Relation Name"]
        for each in plan.values():
            yield from found_by(each)
