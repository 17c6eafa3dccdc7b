"""The rows of stays in FIRs and sectors are the same, however they came about."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
import shapely
from msgspec.structs import replace

from tests.storage import test_derive_again as late_order
from tests.storage import test_derived_again as in_order
from tests.storage import test_killed_at_any_snapshot as odd
from tests.storage.test_flights_derived_again import MINUTE, archive, seen
from tests.storage.test_writer import batch, rows
from tests.traffic.areas.test_sector_map import volume
from tests.traffic.build import at, pilot, snapshot
from vatwatch.storage.derive_again import derive_marked
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas
from vatwatch.traffic.areas.volumes import Volume
from vatwatch.traffic.batch import Outcome
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import Options

if TYPE_CHECKING:
    from psycopg2.extensions import connection

STAYS = "SELECT to_jsonb(o)::text FROM sector_occupancy o ORDER BY 1"
SECTORS = "SELECT to_jsonb(o)::text FROM sectors o ORDER BY 1"


def areas_of(*volumes: Volume) -> KnownAreas:
    return replace(NO_AREAS, volumes=volumes, digest=str(len(volumes)))


def cells(size: int) -> list[Volume]:
    """FIRs that cover the globe, and low and high sectors that overlap some of them."""
    found = []
    for west in range(-180, 180, size):
        for south in range(-90, 90, size):
            box = shapely.box(west, south, west + size, south + size)
            found.append(volume(box, f"{west}/{south}", kind="fir"))
            if west % (2 * size) == 0:
                shifted = shapely.box(west, south, west + 1.5 * size, south + 0.7 * size)
                found.append(volume(shifted, f"low {west}/{south}", 0, 9_000))
                found.append(volume(shifted, f"high {west}/{south}", 9_000))
    return found


RULES = Rules(areas=areas_of(*cells(2)))


@pytest.fixture(autouse=True)
def _with_areas(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (in_order, late_order):
        monkeypatch.setattr(module, "OPTIONS", Options(rules=RULES))


def outlived(conn: connection) -> list[tuple[object, ...]]:
    return rows(
        conn,
        """SELECT o.flight_id FROM sector_occupancy o LEFT JOIN flights f USING (flight_id)
           WHERE f.flight_id IS NULL OR o.entered_at < f.first_seen OR o.left_at > f.last_seen
              OR o.left_at < o.entered_at""",
    )


@pytest.mark.parametrize("boundary", [False, True], ids=["everywhere", "boundary"])
@pytest.mark.parametrize("seed", range(1))
def test_a_kill_before_any_snapshot_makes_no_difference_to_stays(
    conn: connection, seed: int, boundary: bool
) -> None:
    shown = odd.archive(seed, boundary=boundary)
    in_order.derive(conn, shown, restart_every=0)
    straight = rows(conn, STAYS), rows(conn, SECTORS)
    assert len(straight[0]) > 10
    assert outlived(conn) == []
    for often in (1, 9):
        in_order.derive(conn, shown, restart_every=often)
        assert (rows(conn, STAYS), rows(conn, SECTORS)) == straight, often


@pytest.mark.parametrize("seed", range(2))
def test_late_snapshots_make_no_difference_to_stays(conn: connection, seed: int) -> None:
    given = archive(seed)
    late_order.write_in(conn, given)
    straight = rows(conn, STAYS)
    assert len(straight) > 10
    dice = Random(seed)
    late = [one for one in given[:-1] if dice.random() < 0.4]
    dice.shuffle(late)
    late_order.write_in(conn, [*(one for one in given if one not in late), *late])
    while derive_marked(conn, RULES):
        conn.commit()
    assert rows(conn, STAYS) == straight
    assert outlived(conn) == []


def test_the_same_batch_twice_changes_no_stay(conn: connection) -> None:
    changes = diff(NetworkState(), snapshot(0, pilots=[pilot(groundspeed=400)]), RULES)
    assert write_batch(conn, batch(changes)) is Outcome.STORED
    once = rows(conn, STAYS)
    assert once
    assert write_batch(conn, batch(changes)) is Outcome.DUPLICATE
    assert rows(conn, STAYS) == once


def test_other_areas_end_what_is_no_longer_there_also_after_a_restart(conn: connection) -> None:
    flying = [
        snapshot(
            number * 15, pilots=[pilot(groundspeed=400, altitude=9_000, latitude=1 + number / 36)]
        )
        for number in range(3)
    ]
    north = volume(shapely.box(0, 0, 10, 10), "A", kind="fir")
    before, after = (Rules(areas=areas_of(*some)) for some in ([north], [replace(north, name="B")]))
    state = NetworkState()
    for number, one in enumerate(flying):
        rules = after if number == 2 else before
        state, _ = read_network_state(conn, rules)
        changes = diff(state, one, rules)
        write_batch(conn, batch(changes))
        conn.commit()
        assert apply(state, changes).stays == read_network_state(conn, rules)[0].stays
    told = rows(
        conn,
        "SELECT sector, entered_at, left_at, entry_altitude_ft, exit_altitude_ft"
        " FROM sector_occupancy ORDER BY 1",
    )
    assert told == [("A", at(0), at(15), 9_000, 9_000), ("B", at(30), None, 9_000, None)]
    assert rows(conn, "SELECT kind, sector, known_since FROM sectors ORDER BY 2") == [
        ("fir", "A", at(0)),
        ("fir", "B", at(30)),
    ]
    (first,) = rows(conn, "SELECT minute, flights FROM sector_minutes WHERE sector = 'A'")
    assert first == (at(0).replace(second=0, microsecond=0), 1)


def test_without_areas_a_late_snapshot_that_joins_two_flights_joins_their_stays(
    conn: connection,
) -> None:
    everywhere = Rules(areas=areas_of(volume(shapely.box(-180, -90, 180, 90))))
    days_later = snapshot(3 * 24 * 60 * MINUTE)
    apart = [seen(number) for number in range(3)] + [seen(20, logon=19.5), seen(21, logon=19.5)]
    for one in (*apart, days_later, seen(10)):
        state, _ = read_network_state(conn, everywhere, one.time)
        write_batch(conn, batch(diff(state, one, everywhere)))
        conn.commit()
    assert len(rows(conn, STAYS)) > 1
    while derive_marked(conn, Rules()):
        conn.commit()
    ((flight_id,),) = rows(conn, "SELECT flight_id FROM flights")
    assert rows(conn, "SELECT flight_id, entered_at, left_at FROM sector_occupancy") == [
        (flight_id, at(0), at(21 * MINUTE))
    ]
