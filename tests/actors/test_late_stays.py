"""Late snapshots make no difference to who was in which sector, also where they join flights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.actors.area_house import area_service, areas_of, boundaries
from tests.actors.harness import Running, until
from tests.storage.test_flights_derived_again import MINUTE, seen
from tests.traffic.build import at, snapshot
from vatwatch.traffic.network_state import Snapshot

# Twenty minutes are too long for one flight, unless the snapshot in between shows it, too.
LATE = seen(10)
IN_TIME = [
    *(seen(number) for number in range(3)),
    *(seen(number, logon=19.5) for number in range(20, 23)),
    snapshot(3 * 24 * 60 * MINUTE),
]
STAYS = "SELECT flight_id, kind, sector, entered_at, left_at FROM sector_occupancy ORDER BY sector"


def hand_in(service: Running, one: Snapshot) -> None:
    service.hand_in_bytes(msgspec.json.encode(one.feed))
    service.until_stored(one.time)


def told(service: Running, firs: Path) -> None:
    firs.write_bytes(boundaries("AAAA", "BBBB", west=4, south=0, size=9))
    until(lambda: areas_of(service).firs == 2, "the new file is used")


def restarted(service: Running, firs: Path) -> None:
    """A store that has lost what it was told reads the copies."""
    told(service, firs)
    service.tree.restart("vatwatch/data/store")
    until(lambda: service.node("store").restarts_total > 0)


@pytest.mark.parametrize("prepare", [told, restarted])
def test_a_late_snapshot_that_joins_two_flights_joins_their_stays(
    prepare: Callable[[Running, Path], None], tmp_path: Path, database_url: str
) -> None:
    firs = tmp_path / "firs.geojson"
    firs.write_bytes(boundaries("AAAA", west=100, south=0, size=9))
    with area_service(tmp_path, database_url, VATWATCH_POSITIONS_DATA=firs) as service:
        prepare(service, firs)
        for one in IN_TIME:
            hand_in(service, one)
        assert len(service.sql(STAYS)) == 4
        hand_in(service, LATE)
        until(lambda: len(service.sql("SELECT FROM flights")) == 1, "the flights are one")
        ((flight_id,),) = service.sql("SELECT flight_id FROM flights")
        assert service.sql(STAYS) == [
            (flight_id, "fir", name, at(0), at(22 * MINUTE)) for name in ("AAAA", "BBBB")
        ]
