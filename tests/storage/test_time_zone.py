"""What is read from any table is in UTC, in whatever time zone the session is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import pytest

from tests.monitoring.test_alert_records import fired
from tests.storage.test_error_table import error
from tests.storage.test_writer import RULES, write_all
from tests.traffic.build import atis, controller, pilot, plan, prefile, radio, snapshot
from vatwatch.events.dead_letters import DeadLetter, LetterFilter
from vatwatch.events.event import Event, EventFilter, EventRow
from vatwatch.events.payloads import PositionPayload
from vatwatch.monitoring.alert_records import AlertFilter
from vatwatch.monitoring.errors import ErrorFilter
from vatwatch.storage.alert_table import find_alerts, write_alerts
from vatwatch.storage.error_table import find_errors, write_errors
from vatwatch.storage.event_table import (
    find_events,
    find_letter,
    find_letters,
    write_events,
    write_letters,
)
from vatwatch.storage.queries import latest_flight, track
from vatwatch.storage.read_network_state import read_network_state

if TYPE_CHECKING:
    from psycopg2.extensions import connection

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVENT = Event(UUID(int=1), "POSITION_UPDATE", NOON, "test", "", PositionPayload(1, 0))
LETTER = DeadLetter(
    UUID(int=2), "event", "r", EVENT.type, "error", "E", 1, NOON, EventRow.of(EVENT)
)


def times_in(found: object) -> list[datetime]:
    """Every time in a record, however deep."""
    if isinstance(found, datetime):
        return [found]
    if isinstance(found, msgspec.Struct):
        found = list(msgspec.structs.asdict(found).values())
    if isinstance(found, dict):
        found = [*found, *found.values()]
    if isinstance(found, list | tuple):
        return [time for each in found for time in times_in(each)]
    return []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_every_time_that_is_read_is_in_utc(conn: connection, zone: str) -> None:
    one = snapshot(
        0,
        pilots=[pilot(flight_plan=plan())],
        controllers=[controller()],
        atis=[atis()],
        prefiles=[prefile()],
        radios={"ABC1": (radio(),)},
    )
    write_all(conn, [one])
    with conn.cursor() as cur:
        write_alerts(cur, [fired().ended(NOON)])
        write_errors(cur, [error(1)])
        write_events(cur, [EVENT])
        write_letters(cur, [(LETTER.id, LETTER)])
        cur.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
    conn.commit()
    flight = latest_flight(conn, "ABC1")
    assert flight is not None
    read: dict[str, object] = {
        "alerts": find_alerts(conn, AlertFilter(), limit=1, after=None),
        "errors": find_errors(conn, ErrorFilter(), limit=1, after=None),
        "events": find_events(conn, EventFilter(), limit=1, after=None),
        "letters": find_letters(conn, LetterFilter(), limit=1, after=None),
        "letter": find_letter(conn, LETTER.id),
        "track": track(conn, flight),
        "state": read_network_state(conn, RULES)[0],
    }
    for name, found in read.items():
        times = times_in(found)
        assert times, name
        assert {time.utcoffset() for time in times} == {timedelta()}, name
