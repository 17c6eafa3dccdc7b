"""The load of a sector by the minute is what a look at each stay says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import shapely
from psycopg2.extensions import connection

from tests.storage.test_sector_rows import areas_of
from tests.storage.test_writer import batch, rows
from tests.traffic.areas.test_sector_map import volume
from tests.traffic.build import at, pilot, snapshot
from vatwatch.feed.records import Pilot
from vatwatch.storage.sector_table import sector_minutes
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Rules

LOW = volume(shapely.box(0, 0, 10, 2), "Low/West")
NORTH = volume(shapely.box(0, 2, 10, 4), "North")
FIR = volume(shapely.box(0, 0, 10, 4), "north", kind="fir")
RULES = Rules(areas=areas_of(LOW, NORTH, FIR))
MINUTE = timedelta(minutes=1)
NOON = at(0).replace(second=0, microsecond=0)
"""The first snapshot comes ten seconds later."""
MINUTES = 12


def flies(cid: int, second: int) -> Pilot:
    """To the north; each one minute behind the other."""
    latitude = 1.0 + (second / 60 - cid) / 8
    return pilot(cid, f"ABC{cid}", latitude=latitude, altitude=5_000, groundspeed=450)


@pytest.fixture
def flown(conn: connection) -> connection:
    """Twelve minutes, two of them without snapshots, in which four flights cross the border."""
    state = NetworkState()
    for second in range(0, MINUTES * 60, 15):
        if 300 <= second < 420:
            continue
        pilots = [flies(cid, second) for cid in range(1, 5)]
        changes = diff(state, snapshot(second, pilots=pilots), RULES)
        write_batch(conn, batch(changes))
        conn.commit()
        state = apply(state, changes)
    return conn


def naive(conn: connection, kind: str, name: str) -> Iterator[int | None]:
    stays = rows(
        conn,
        f"""SELECT flight_id, entered_at, left_at FROM sector_occupancy
            WHERE kind = '{kind}' AND sector = '{name}'""",
    )
    seen = [time for (time,) in rows(conn, "SELECT update_timestamp FROM snapshots")]
    for number in range(MINUTES):
        begin = NOON + number * MINUTE
        within = [time for time in seen if begin <= time < begin + MINUTE]
        there = {
            flight
            for flight, entered, left in stays
            for time in within
            if entered <= time <= (left or max(seen))
        }
        yield len(there) if within else None


@pytest.mark.parametrize(
    ("kind", "name"), [("sector", "Low/West"), ("sector", "North"), ("fir", "north")]
)
def test_each_minute_has_the_flights_that_its_snapshots_show(
    flown: connection, kind: str, name: str
) -> None:
    found = sector_minutes(flown, name, kind, NOON, NOON + MINUTES * MINUTE)
    assert (found.kind, found.name) == (kind, name)
    assert [each.time for each in found.minutes] == [NOON + n * MINUTE for n in range(MINUTES)]
    loads = [each.load for each in found.minutes]
    assert loads == list(naive(flown, kind, name))
    assert None in loads
    assert max(load for load in loads if load is not None) >= 2


def test_a_part_of_the_period_has_the_same_minutes(flown: connection) -> None:
    whole = sector_minutes(flown, "North", "sector", NOON, NOON + MINUTES * MINUTE).minutes
    for first in range(MINUTES):
        since = NOON + first * MINUTE
        part = sector_minutes(flown, "North", "sector", since, since + 3 * MINUTE).minutes
        assert part[: MINUTES - first] == whole[first : first + 3]


def test_a_name_is_found_in_any_case_and_a_sector_before_a_fir(flown: connection) -> None:
    def found(name: str, kind: str = "") -> tuple[str, str]:
        minutes = sector_minutes(flown, name, kind, NOON, NOON + MINUTE)
        return minutes.kind, minutes.name

    assert found("LOW/WEST") == ("sector", "Low/West")
    assert found("NORTH") == ("sector", "North")
    assert found("north") == ("fir", "north"), "as it is spelled"
    assert found("North", "fir") == ("fir", "north")
    assert found("Nowhere") == ("", "Nowhere")


def test_where_nobody_ever_was_the_load_is_zero_where_snapshots_are(flown: connection) -> None:
    found = sector_minutes(flown, "Nowhere", "", NOON - MINUTE, NOON + 2 * MINUTE)
    assert [each.load for each in found.minutes] == [None, 0, 0]


def test_flights_that_the_filters_hide_are_left_out(flown: connection) -> None:
    with flown.cursor() as cur:
        cur.execute("UPDATE flights SET shown = false WHERE callsign <> 'ABC1'")
    loads = sector_minutes(flown, "north", "fir", NOON, NOON + MINUTES * MINUTE).minutes
    assert {each.load for each in loads} <= {0, 1, None}
