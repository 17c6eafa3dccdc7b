"""Whatever a feed shows, a kill before any snapshot makes no difference to what is stored.

Few people do much: reconnects, other plans, records that cannot be read, a boundary that they cross
again and again, missing values, a service that was away itself, and midnight in between. Stations
come and go, tune and couple frequencies, and their aerials tremble; at times the radios' feed is
away.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.storage.test_derived_again import derive
from tests.storage.test_writer import TABLES, everything, rows
from tests.traffic.build import controller, pilot, plan, text
from vatwatch.feed.records import Controller, Feed, FlightPlan, General, Pilot
from vatwatch.feed.unread import Unread, UnreadLists
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.batch import Outcome
from vatwatch.traffic.filters import FilterCounts
from vatwatch.traffic.network_state import NetworkState, Radio, Rules, Snapshot
from vatwatch.traffic.pipeline import DecodedSnapshot, batch_of, compare

if TYPE_CHECKING:
    from psycopg2.extensions import connection

START = datetime(2026, 1, 1, 23, 40, tzinfo=UTC)
SNAPSHOTS = 70
AIRPORTS = [load_airports()[icao] for icao in ("EDDF", "EDDM", "EHAM")]
CHANNELS_HZ = [118_500_000, 127_105_000]
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


class Station:
    """Is there now and then, where its airport is."""

    def __init__(self, random: Random, cid: int, callsign: str, facility: int) -> None:
        self.random, self.cid, self.callsign, self.facility = random, cid, callsign, facility
        self.field = random.choice(AIRPORTS)
        self.there, self.logon = True, START - timedelta(minutes=5)
        self.own_hz, self.coupled = random.choice(CHANNELS_HZ), random.random() < 0.5

    def goes_on(self, time: datetime) -> None:
        chance = self.random.random
        if chance() < 0.08:
            self.there = not self.there
            self.logon = time if self.there and chance() < 0.7 else self.logon
        if chance() < 0.05:
            self.own_hz = self.random.choice(CHANNELS_HZ)
        if chance() < 0.05:
            self.coupled = not self.coupled

    def record(self) -> Controller:
        frequency = "199.998" if self.random.random() < 0.05 else f"{self.own_hz / 1e6:.3f}"
        known = controller(self.cid, self.callsign, self.logon, frequency)
        return replace(known, facility=self.facility)

    def radios(self) -> tuple[Radio, ...]:
        def trembles() -> float:
            return self.random.choice([0, 0.0004, 0.0004, 0.004]) * self.random.uniform(-1, 1)

        tuned = CHANNELS_HZ if self.coupled else [self.own_hz]
        return tuple(
            Radio(
                number,
                hertz,
                self.field.latitude + trembles(),
                self.field.longitude + trembles(),
                self.random.choice([30.0, 30.2, 31.0, None]),
                3.0,
            )
            for number, hertz in enumerate(tuned)
        )


def archive(seed: int, *, boundary: bool) -> list[DecodedSnapshot]:
    random, time, found = Random(seed), START, []
    people = [Somebody(random, 100 + number) for number in range(6)]
    # Of its own dice, so that people do the same without them.
    dice = Random(seed)
    stations = [
        Station(dice, 200 + number, callsign, facility)
        for number, (callsign, facility) in enumerate(
            [("EDDF_TWR", 4), ("EDDM_APP", 5), ("XXX_CTR", 6), ("XXX_1_CTR", 6)]
        )
    ]
    for _ in range(SNAPSHOTS):
        seconds = random.choice([15] * 12 + [30, 130, 700])
        time += timedelta(seconds=seconds)
        for one in people:
            one.goes_on(time, seconds)
        there = [one for one in people if one.back_at <= time]
        pilots = [one.record() for one in there if one.readable]
        unread = frozenset((one.cid, one.callsign) for one in there if not one.readable)
        inside = frozenset(one.callsign for one in there if one.inside)
        for station in stations:
            station.goes_on(time)
        controlling = [station for station in stations if station.there]
        radios = {
            p.callsign: (Radio(0, dice.choice(CHANNELS_HZ), 1.0, 5.0, None, None),) for p in pilots
        } | {station.callsign: station.radios() for station in controlling}
        seen = Snapshot(
            time,
            Feed(General(text(time)), pilots, [station.record() for station in controlling]),
            None if dice.random() < 0.2 else radios,
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
    assert told >= {"CONTACT_BEGAN", "CONTACT_ENDED"}
    assert len(straight["frequency_matches"]) > 20
    for often in (1, 9):
        again = derive(conn, shown, restart_every=often)
        for table in TABLES:
            assert again[table] == straight[table], (often, table)


def test_each_snapshot_that_is_written_twice_is_written_once(conn: connection) -> None:
    state = NetworkState()
    for number, decoded in enumerate(archive(0, boundary=False)):
        compared = compare(state, decoded, Rules())
        batch = batch_of(compared, entry_id=number, fetched_at=START, source="archive")
        assert write_batch(conn, batch) is Outcome.STORED
        conn.commit()
        once = everything(conn) if number % 10 == 0 else None
        assert write_batch(conn, batch) is Outcome.DUPLICATE
        conn.commit()
        assert once is None or everything(conn) == once
        state = compared.state
