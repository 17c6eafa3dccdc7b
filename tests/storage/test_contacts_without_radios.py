"""Contacts at snapshots without radios are in any order what they are in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.storage.test_writer import RULES, batch, clear, rows, write
from tests.traffic.build import at, controller, pilot, plan, snapshot
from vatwatch.errors import OutOfSequence
from vatwatch.feed.records import Controller, Pilot
from vatwatch.storage.derive_again import derive_marked
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.batch import Outcome
from vatwatch.traffic.contact_rules import UNICOM_HZ
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import Radio, Snapshot

if TYPE_CHECKING:
    from psycopg2.extensions import connection

TOWER_HZ, OTHER_HZ = 118_500_000, 119_700_000
MINUTE = 60
Row = tuple[object, ...]


def radio(hertz: int, latitude: float = 1.0, radio_id: int = 0) -> Radio:
    return Radio(radio_id, hertz, latitude, 5.0, 30.0, 3.0)


def flown(
    cid: int = 1, logon: float = -MINUTE, latitude: float = 1.1, callsign: str | None = None
) -> Pilot:
    return pilot(
        cid=cid,
        callsign=callsign or f"ABC{cid}",
        logon=at(logon),
        latitude=latitude,
        altitude=9_000,
        groundspeed=300,
        flight_plan=plan(),
    )


def write_in(conn: connection, order: Iterable[Snapshot]) -> None:
    """Each as the service does that was restarted before it; one may come again."""
    clear(conn)
    for one in order:
        state, stored = read_network_state(conn, RULES, one.time)
        if not stored:
            write(conn, state, one)
            continue
        before, _ = read_network_state(conn, RULES, one.time - timedelta(seconds=1))
        again = batch(diff(before, one, RULES), radios=one.radios)
        assert write_batch(conn, again) is Outcome.DUPLICATE
        conn.commit()


def derive_all(conn: connection) -> None:
    while derive_marked(conn, RULES):
        conn.commit()
    conn.commit()


def talks(conn: connection) -> list[Row]:
    """Who was in contact, from when to when."""
    return rows(
        conn,
        """SELECT callsign, station, frequency_hz, started_at, ended_at FROM frequency_matches
           ORDER BY 1, 2, 3, 4""",
    )


def contacts(conn: connection) -> list[Row]:
    return rows(conn, "SELECT to_jsonb(t)::text FROM frequency_matches t ORDER BY 1")


def places(conn: connection) -> list[Row]:
    return rows(
        conn,
        "SELECT session_id, latitude, longitude, placed_by FROM controllers ORDER BY session_id",
    )


class World:
    """Pilots and stations who tune, come and go, as the dice have it; the radios' feed, too."""

    def __init__(self, dice: Random, *, leave: bool) -> None:
        self.dice, self.leave = dice, leave
        self.pilots: dict[int, float | None] = dict.fromkeys(range(1, 5), -MINUTE)
        self.stations: dict[int, float | None] = dict.fromkeys(range(100, 103), -MINUTE)
        self.away: dict[int, int] = {}
        self.tuned = dict.fromkeys((*self.pilots, *self.stations), TOWER_HZ)
        self.masts = dict.fromkeys(self.stations, 1.0)
        self.without = 0

    def snapshots(self, count: int) -> list[Snapshot]:
        seconds, out = 0.0, []
        for _ in range(count):
            out.append(self._snapshot(seconds))
            seconds += self.dice.choice([15, 15, 15, 120])
        # Days later nobody is there any more.
        return [*out, snapshot(seconds + 3 * 24 * 60 * MINUTE, radios={})]

    def _snapshot(self, seconds: float) -> Snapshot:
        dice = self.dice
        for number in self.tuned:
            if dice.random() < 0.2:
                self.tuned[number] = dice.choice(
                    [TOWER_HZ, TOWER_HZ, OTHER_HZ, OTHER_HZ, UNICOM_HZ]
                )
            if number in self.masts and dice.random() < 0.1:
                # The last one is far off, as is EDDF: then it is at its airport, or there.
                self.masts[number] = dice.choice([1.0, 1.0, 1.5, 53.0])
        if self.leave:
            self._come_and_go(self.pilots, seconds)
            self._come_and_go(self.stations, seconds)
        shown = [
            flown(cid, logon, 1.0 + cid / 10 + seconds / 10_000)
            for cid, logon in self.pilots.items()
            if logon is not None
        ]
        controllers = [
            self._station(cid, logon) for cid, logon in self.stations.items() if logon is not None
        ]
        if self.without == 0 and dice.random() < 0.25:
            self.without = dice.randrange(1, 5)
        self.without = max(0, self.without - 1)
        radios: dict[str, tuple[Radio, ...]] = {
            one.callsign: (radio(self.tuned[one.cid]),) for one in shown
        }
        radios |= {
            one.callsign: (
                radio(self.tuned[one.cid], self.masts[one.cid]),
                radio(OTHER_HZ, self.masts[one.cid], 1),
            )
            for one in controllers
        }
        return snapshot(
            seconds,
            pilots=shown,
            controllers=controllers,
            radios=None if self.without else radios,
        )

    def _come_and_go(self, who: dict[int, float | None], seconds: float) -> None:
        for number, logon in who.items():
            if logon is None:
                self.away[number] -= 1
                if self.away[number] == 0:
                    who[number] = seconds - 5
            elif self.dice.random() < 0.08:
                who[number], self.away[number] = None, self.dice.choice([1, 3, 12])

    def _station(self, cid: int, logon: float) -> Controller:
        callsign = {100: "EXXX_TWR", 101: "EDDF_APP", 102: "EYYY_CTR"}[cid]
        made = controller(cid, callsign, at(logon), f"{self.tuned[cid] / 1e6:.3f}")
        return replace(made, facility={100: 4, 101: 5, 102: 6}[cid])


def shuffled(given: Sequence[Snapshot], dice: Random, share: float) -> list[Snapshot]:
    """Some come late, in any order, and some come again."""
    late = [one for one in given[:-1] if dice.random() < share]
    dice.shuffle(late)
    order = [*(one for one in given if one not in late), *late]
    for one in dice.sample(given, 3):
        order.insert(dice.randrange(order.index(one) + 1, len(order) + 1), one)
    return order


@pytest.mark.parametrize("seed", range(5))
def test_late_snapshots_make_at_once_the_contacts_that_there_are_in_order(
    conn: connection, seed: int
) -> None:
    dice = Random(seed)
    given = World(dice, leave=False).snapshots(24)
    write_in(conn, given)
    straight, told, placed = contacts(conn), talks(conn), places(conn)
    assert told
    write_in(conn, shuffled(given, dice, dice.choice([0.2, 0.5, 1.0])))
    assert talks(conn) == told
    derive_all(conn)
    assert contacts(conn) == straight
    assert places(conn) == placed


@pytest.mark.parametrize("seed", range(8))
def test_whoever_comes_and_goes_has_in_the_end_the_contacts_that_there_are_in_order(
    conn: connection, seed: int
) -> None:
    dice = Random(100 + seed)
    given = World(dice, leave=True).snapshots(30)
    write_in(conn, given)
    straight, placed = contacts(conn), places(conn)
    assert straight
    write_in(conn, shuffled(given, dice, dice.choice([0.2, 0.5, 0.8])))
    derive_all(conn)
    assert contacts(conn) == straight
    assert places(conn) == placed


def of_two(seconds: float, hertz: int | None = TOWER_HZ, mast: float = 1.0) -> Snapshot:
    """A pilot who is on a frequency, or of whom no radios are known, and a tower."""
    tower = (radio(TOWER_HZ, mast),)
    radios = None if hertz is None else {"ABC1": (radio(hertz),), "EXXX_TWR": tower}
    return snapshot(
        seconds,
        pilots=[flown(latitude=1.1 + seconds / 10_000)],
        controllers=[controller()],
        radios=radios,
    )


def test_a_contact_that_ends_with_a_late_snapshot_is_over_until_the_next_one_with_radios(
    conn: connection,
) -> None:
    later = [of_two(30, None), of_two(45, None), of_two(60), of_two(75)]
    write_in(conn, [of_two(0), *later, of_two(15, OTHER_HZ)])
    assert [row[3:] for row in talks(conn)] == [(at(0), at(0)), (at(60), None)]
    assert rows(
        conn,
        "SELECT frequency_hz, first_seen, gone_at FROM transceivers WHERE callsign = 'ABC1'"
        " ORDER BY first_seen",
    ) == [
        (TOWER_HZ, at(0), at(15)),
        (OTHER_HZ, at(15), at(60)),
        (TOWER_HZ, at(60), None),
    ]


def test_a_contact_that_begins_with_a_late_snapshot_goes_on_where_no_radios_are_known(
    conn: connection,
) -> None:
    given = [of_two(0, OTHER_HZ), of_two(30, None), of_two(45, None), of_two(60, OTHER_HZ)]
    write_in(conn, [*given, of_two(15)])
    assert [row[3:] for row in talks(conn)] == [(at(15), at(45))]
    write_in(conn, [*given[:3], of_two(15), of_two(75)])
    assert [row[3:] for row in talks(conn)] == [(at(15), None)]


def test_whoever_knew_other_radios_reads_the_state_again_before_the_next_snapshot(
    conn: connection,
) -> None:
    clear(conn)
    state, _ = read_network_state(conn, RULES)
    for one in (of_two(0), of_two(30, None)):
        state = write(conn, state, one)
    # Another process brings the one between.
    other, _ = read_network_state(conn, RULES, at(15))
    write(conn, other, of_two(15, OTHER_HZ))
    for following in (of_two(45, None), of_two(45)):
        with pytest.raises(OutOfSequence):
            write(conn, state, following)
        conn.rollback()
    again, _ = read_network_state(conn, RULES)
    assert not again.contacts
    again = write(conn, again, of_two(45, None))
    write(conn, again, of_two(60))
    assert [row[3:] for row in talks(conn)] == [(at(0), at(0)), (at(60), None)]


def test_a_flight_whose_place_is_not_kept_keeps_its_contacts(conn: connection) -> None:
    late, without = of_two(15, mast=1.01), of_two(20 * MINUTE, None)
    write_in(conn, [of_two(0), without, of_two(21 * MINUTE)])
    with conn.cursor() as cur:
        cur.execute("DELETE FROM positions")
    before, _ = read_network_state(conn, RULES, late.time)
    write(conn, before, late)
    assert [row[3:] for row in talks(conn)] == [(at(0), None)]
