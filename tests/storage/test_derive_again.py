"""Flights that late snapshots have touched are derived again, as if all had come in order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.storage.test_derived_again import OPTIONS, SNAPSHOTS, archive_of
from tests.storage.test_writer import clear, rows
from vatwatch.storage import derive_again, derive_flights
from vatwatch.storage.derive_again import derive_marked, rules_since
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.write_flights import KEPT_COLUMNS
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.pipeline import DecodedSnapshot, batch_of, compare

if TYPE_CHECKING:
    from psycopg2.extensions import connection

DERIVED = ", ".join(KEPT_COLUMNS)


@pytest.fixture(scope="module")
def archive() -> list[DecodedSnapshot]:
    """Two hours of twenty pilots, and a snapshot days later, when all flights are over for good."""
    decoded = archive_of(seed=4, pilots=20)
    last = decoded[-1].snapshot
    over = replace(
        last,
        time=last.time + timedelta(days=2),
        feed=replace(last.feed, pilots=[], controllers=[], atis=[], prefiles=[]),
        radios={},
    )
    return [*decoded, replace(decoded[-1], snapshot=over)]


def write_in(conn: connection, order: Sequence[DecodedSnapshot]) -> None:
    """Each as the service does that was restarted before it."""
    clear(conn)
    for number, decoded in enumerate(order):
        state, stored = read_network_state(conn, OPTIONS.rules, decoded.snapshot.time)
        assert not stored
        compared = compare(state, decoded, OPTIONS.rules)
        time = decoded.snapshot.time
        write_batch(conn, batch_of(compared, entry_id=number, fetched_at=time, source="archive"))
        conn.commit()


def derived(conn: connection) -> dict[int, dict[str, Any]]:
    return {
        row[0]: json.loads(row[1])
        for row in rows(
            conn,
            f"""SELECT flight_id, (SELECT to_jsonb(d)::text FROM (SELECT {DERIVED}) d)
                FROM flights""",
        )
    }


def marked(conn: connection) -> int:
    ((count,),) = rows(conn, "SELECT count(*)::int FROM flights WHERE derive_again")
    assert isinstance(count, int)
    return count


def test_what_came_late_makes_no_difference_once_it_is_derived_again(
    conn: connection, archive: list[DecodedSnapshot]
) -> None:
    write_in(conn, archive)
    assert marked(conn) == 0
    straight = derived(conn)
    late = [one for number, one in enumerate(archive) if number % 7 == 3]
    write_in(conn, [*(one for one in archive if one not in late), *late])
    assert marked(conn) > 5
    before = derived(conn)
    while derive_marked(conn, OPTIONS.rules):
        conn.commit()
    assert marked(conn) == 0
    again = derived(conn)
    assert set(again) == set(straight)
    differ = {
        key: {name: (again[key][name], value) for name, value in straight[key].items()
              if again[key][name] != value}
        for key in straight if again[key] != straight[key]
    }  # fmt: skip
    assert differ == {}
    assert before != straight


def test_a_flight_that_goes_on_stays_marked_until_it_is_over(
    conn: connection, archive: list[DecodedSnapshot]
) -> None:
    some = archive[:40]
    write_in(conn, [*some[:20], *some[21:], some[20]])
    sql = "SELECT flight_id FROM flights WHERE derive_again AND ended_as IS NULL"
    going_on = set(rows(conn, sql))
    assert going_on
    while derive_marked(conn, OPTIONS.rules):
        conn.commit()
    assert set(rows(conn, sql)) == going_on


def test_a_flight_that_cannot_be_derived_keeps_what_it_has_and_stops_nobody(
    conn: connection, archive: list[DecodedSnapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_in(conn, [*archive[:20], *archive[21:], archive[20]])
    before, number = derived(conn), marked(conn)
    assert number > 0

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(derive_flights, "derive_flights", broken)
    monkeypatch.setattr(derive_again, "derive_track", broken)
    for _ in range(SNAPSHOTS):
        if not derive_marked(conn, OPTIONS.rules):
            break
    assert marked(conn) == 0
    assert derived(conn) == before


def test_it_is_known_since_when_the_history_is_by_the_present_rules(
    conn: connection, archive: list[DecodedSnapshot]
) -> None:
    clear(conn)
    assert rules_since(conn) is None
    write_in(conn, archive[:5])
    assert rules_since(conn) == archive[0].snapshot.time
    with conn.cursor() as cur:
        cur.execute(
            "UPDATE flights SET rules = NULL WHERE first_seen < %s", (archive[1].snapshot.time,)
        )
    since = rules_since(conn)
    assert since is None or since > archive[0].snapshot.time
