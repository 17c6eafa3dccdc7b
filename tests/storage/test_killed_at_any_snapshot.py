"""Whatever a feed shows, a kill before any snapshot makes no difference to what is stored.

Few people do much: reconnects, other plans, records that cannot be read, a boundary that they cross
again and again, missing values, a service that was away itself, and midnight in between.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.storage.test_derived_again import derive
from tests.storage.test_writer import TABLES, rows
from tests.traffic.build import pilot, plan, text
from vatwatch.feed.records import Feed, FlightPlan, General, Pilot
from vatwatch.feed.unread import Unread, UnreadLists
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.filters import FilterCounts
from vatwatch.traffic.network_state import Radio, Snapshot
from vatwatch.traffic.pipeline import DecodedSnapshot

if TYPE_CHECKING:
    from psycopg2.extensions import connection

START = datetime(2026, 1, 1, 23, 40, tzinfo=UTC)
SNAPSHOTS = 70
AIRPORTS = [load_airports()[icao] for icao in ("EDDF", "EDDM", "EHAM")]
# What somebody does next: speed in knots, feet over the field, feet a second.
DOINGS = [
    (0, 0, 0),
    (0, 0, 0),
    (15, 0, 0),
    (140, 0, 0),
    (160, 50, 25),
    (300, 9_000, 0),
    (110, 40, 0),
]


class Somebody:
    """Flies about without any sense."""

    def __init__(self, random: Random, cid: int) -> None:
        self.random, self.cid, self.callsign = random, cid, f"ABC{cid}"
        self.logon = START - timedelta(minutes=random.choice([0, 1, 120]))
        self.field = random.choice(AIRPORTS)
        self.north, self.height, self.doing = 0.0, 0.0, random.choice(DOINGS)
        self.plan = self._files()
        self.back_at, self.readable, self.inside = START, True, random.random() < 0.6

    def _files(self) -> FlightPlan | None:
        filed = plan(departure=self.random.choice(["EDDF", "EDDM", ""]))
        filed = replace(filed, arrival=self.random.choice(["EDDF", "EHAM", "ZZZZ"]))
        return self.random.choice([None, filed, filed, replace(filed, aircraft_short="H135")])

    def goes_on(self, time: datetime, seconds: int) -> None:
        chance = self.random.random
        if chance() < 0.12:
            self.doing = self.random.choice(DOINGS)
            self.height = float(self.doing[1])
            if chance() < 0.2:  # slewed
                self.field, self.north = self.random.choice(AIRPORTS), 0.0
        self.north += self.doing[0] * seconds / 3600 / 60
        self.height += self.doing[2] * seconds
        if chance() < 0.05:
            self.plan = self._files()
        if chance() < 0.05 and self.back_at <= time:
            away_s = self.random.choice([10, 60, 300, 880, 940, 2000])
            self.back_at = time + timedelta(seconds=away_s)
            if chance() < 0.6:
                self.logon = self.back_at
            if chance() < 0.1:
                self.callsign = f"XYZ{self.cid}"
        self.readable = chance() > 0.05
        self.inside = self.inside if chance() > 0.06 else not self.inside

    def record(self) -> Pilot:
        chance = self.random.random
        known = pilot(self.cid, self.callsign, self.logon, flight_plan=self.plan)
        return replace(
            known,
            latitude=self.field.latitude + self.north,
            longitude=self.field.longitude,
            altitude=None if chance() < 0.03 else self.field.elevation_ft + int(self.height),
            groundspeed=None if chance() < 0.03 else self.doing[0],
        )


def archive(seed: int, *, boundary: bool) -> list[DecodedSnapshot]:
    random, time, found = Random(seed), START, []
    people = [Somebody(random, 100 + number) for number in range(6)]
    for _ in range(SNAPSHOTS):
        seconds = random.choice([15] * 12 + [30, 130, 700])
        time += timedelta(seconds=seconds)
        for one in people:
            one.goes_on(time, seconds)
        there = [one for one in people if one.back_at <= time]
        pilots = [one.record() for one in there if one.readable]
        unread = frozenset((one.cid, one.callsign) for one in there if not one.readable)
        inside = frozenset(one.callsign for one in there if one.inside)
        seen = Snapshot(
            time,
            Feed(General(text(time)), pilots),
            {p.callsign: (Radio(0, 118_500_000, 1.0, 5.0, None, None),) for p in pilots},
            UnreadLists(pilots=Unread(unread)),
            inside if boundary else None,
        )
        found.append(DecodedSnapshot(seen, (), FilterCounts()))
    return found


@pytest.mark.parametrize("boundary", [False, True], ids=["everywhere", "boundary"])
@pytest.mark.parametrize("seed", range(3))
def test_a_kill_before_any_snapshot_makes_no_difference(
    conn: connection, seed: int, boundary: bool
) -> None:
    shown = archive(seed, boundary=boundary)
    straight = derive(conn, shown, restart_every=0)
    told = {kind for (kind,) in rows(conn, "SELECT DISTINCT type FROM events")}
    assert told >= {"FLIGHT_CREATED", "FLIGHT_UPDATED", "FLIGHT_DEPARTED"}
    for often in (1, 9):
        again = derive(conn, shown, restart_every=often)
        for table in TABLES:
            assert again[table] == straight[table], (often, table)
