"""Flights that late snapshots have touched are in the end as if all had come in order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.storage import test_sessions_derived_again as of_snapshots
from tests.storage.test_derive_again import write_in
from tests.storage.test_derived_again import OPTIONS, archive_of
from tests.storage.test_writer import rows
from tests.traffic.build import at, pilot, plan, snapshot
from vatwatch.storage.derive_again import derive_marked
from vatwatch.traffic.network_state import Snapshot
from vatwatch.traffic.pipeline import DecodedSnapshot

if TYPE_CHECKING:
    from psycopg2.extensions import connection

MINUTE = 60
TABLES = (
    *("flights", "connections", "flight_plans", "positions", "frequency_matches"),
    *("controllers", "atis"),
)
# The altitude of an aircraft that stands trembles, and its track has it now and then; so does what
# the rules remember. Logon times lose their fractions, and the row of an ATIS has the first one.
NOT_KEPT = {"positions": "altitude", "flights": "progress", "atis": "logon_time"}


def stored(conn: connection) -> dict[str, list[dict[str, Any]]]:
    """All rows with all columns, but for prefiles."""
    found = {}
    for table in TABLES:
        of_flights = " WHERE flight_id IS NOT NULL" if table == "flight_plans" else ""
        sql = f"SELECT (to_jsonb(t) - %s)::text FROM {table} t{of_flights} ORDER BY 1"
        found[table] = [json.loads(str(row)) for (row,) in rows(conn, sql, NOT_KEPT.get(table, ""))]
    return found


def derive_all(conn: connection) -> None:
    while derive_marked(conn, OPTIONS.rules):
        conn.commit()
    conn.commit()


def archive(seed: int) -> list[DecodedSnapshot]:
    """Two hours, and a snapshot two days later, when all flights are over for good."""
    decoded = archive_of(seed=seed, pilots=20)
    last = decoded[-1].snapshot
    over = replace(
        last,
        time=last.time + timedelta(days=2),
        feed=replace(last.feed, pilots=[], controllers=[], atis=[], prefiles=[]),
        radios={},
    )
    return [*decoded, replace(decoded[-1], snapshot=over)]


# In the other small worlds of these nobody is in contact.
@pytest.mark.parametrize("seed", [0, 3, 11])
def test_late_snapshots_make_no_difference_to_any_row(conn: connection, seed: int) -> None:
    given = some_without_radios(archive(seed), Random(100 + seed))
    write_in(conn, given)
    straight = stored(conn)
    assert straight["frequency_matches"]
    dice = Random(seed)
    late = [one for one in given[:-1] if dice.random() < 0.4]
    dice.shuffle(late)
    write_in(conn, [*(one for one in given if one not in late), *late])
    assert stored(conn) != straight
    derive_all(conn)
    again = stored(conn)
    for table in TABLES:
        assert again[table] == straight[table], table


def some_without_radios(given: list[DecodedSnapshot], dice: Random) -> list[DecodedSnapshot]:
    """The radios' feed is unavailable for some snapshots now and then."""
    out, missing = [], 0
    for one in given:
        if dice.random() < 0.1:
            missing = dice.randrange(6)
        missing -= 1
        out.append(
            replace(one, snapshot=replace(one.snapshot, radios=None)) if missing >= 0 else one
        )
    return out


def seen(minutes: float, *, logon: float | None = 0, departure: str = "EXXX") -> Snapshot:
    """The same pilot in the air, or nobody (`logon` is None)."""
    if logon is None:
        return snapshot(minutes * MINUTE)
    connected = pilot(
        logon=at(logon * MINUTE),
        latitude=1 + minutes / 10,
        altitude=35_000,
        groundspeed=450,
        flight_plan=plan(departure=departure),
    )
    return snapshot(minutes * MINUTE, pilots=[connected])


def filled_gap() -> list[Snapshot]:
    """A gap of twenty minutes is one of ten, as the snapshot of ten minutes shows the flight."""
    return [
        *(seen(number) for number in range(3)),
        *(seen(number, logon=None) for number in range(3, 10)),
        seen(10),
        *(seen(number, logon=None) for number in range(11, 20)),
        *(seen(number, logon=19.5, departure="EZZZ") for number in range(20, 23)),
    ]


def without_news() -> list[Snapshot]:
    """Who came back within the window, though nobody saw it for longer, was one flight; a snapshot
    of that time shows nobody, so it was over."""
    return [
        *(seen(number) for number in range(3)),
        seen(17.5, logon=None),
        *(seen(number, logon=16.5) for number in range(18, 21)),
    ]


def earlier_plan() -> list[Snapshot]:
    """The next connection is seen earlier."""
    return [
        *(seen(number) for number in range(3)),
        seen(4, logon=3.5),
        *(seen(number, logon=3.5) for number in range(5, 8)),
    ]


@pytest.mark.parametrize(
    ("case", "late"), [(filled_gap, 10), (without_news, 3), (earlier_plan, 3), (earlier_plan, 0)]
)
def test_it_is_decided_again_which_connections_are_one_flight(
    conn: connection, case: Any, late: int
) -> None:
    given: Sequence[Snapshot] = [*case(), snapshot(3 * 24 * 60 * MINUTE)]
    of_snapshots.write_in(conn, given)
    straight = stored(conn)
    of_snapshots.write_in(conn, [one for one in given if one is not given[late]] + [given[late]])
    before = stored(conn)
    assert before != straight
    assert any(flight["derive_again"] for flight in before["flights"])
    derive_all(conn)
    assert stored(conn) == straight
