"""Sessions and ATIS that late snapshots have touched are in the end as if all had come in order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.storage.test_writer import RULES, clear, rows, write
from tests.traffic.build import START, at, atis, controller, radio, snapshot
from vatwatch.errors import OutOfSequence
from vatwatch.feed.records import Controller
from vatwatch.storage.derive_again import derive_marked
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.traffic.network_state import NetworkState, Radio, Snapshot

if TYPE_CHECKING:
    from psycopg2.extensions import connection

NO_FREQUENCY = "199.998"
MINUTE = 60
TABLES = {"controllers": "session_id", "atis": "atis_id"}


def derived(conn: connection) -> dict[str, list[dict[str, Any]]]:
    """All rows with all columns."""
    return {
        table: [
            json.loads(str(row))
            for (row,) in rows(conn, f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY {key}")
        ]
        for table, key in TABLES.items()
    }


def write_in(conn: connection, order: Sequence[Snapshot]) -> None:
    """Each as the service does that was restarted before it."""
    clear(conn)
    for one in order:
        state, stored = read_network_state(conn, RULES, one.time)
        assert not stored
        write(conn, state, one)


def derive_all(conn: connection) -> None:
    while derive_marked(conn, RULES):
        conn.commit()
    conn.commit()


def end(seconds: float) -> Snapshot:
    """Nobody is there any more, a day later."""
    return snapshot(seconds + 24 * 60 * MINUTE)


class Station:
    """A controller who comes and goes, tunes, writes, and reconnects, as the dice have it."""

    def __init__(self, dice: Random, number: int) -> None:
        self.dice, self.number = dice, number
        self.away, self.logon = 0, 0.0
        self.frequency, self.text = NO_FREQUENCY, ["Hello"]

    def step(self, seconds: float) -> Controller | None:
        dice = self.dice
        if self.away:
            self.away -= 1
            if self.away:
                return None
            self.logon = seconds - dice.choice([0, 5, 20])
            self.frequency = dice.choice([NO_FREQUENCY, "118.500"])
        if dice.random() < 0.06:
            self.away = dice.choice([1, 2, 8, 17, 30])
        elif dice.random() < 0.05:
            self.logon = seconds - 3
        if dice.random() < 0.15:
            self.frequency = dice.choice([NO_FREQUENCY, "118.500", "121.705"])
        if dice.random() < 0.05:
            self.text = [f"Online until {dice.randrange(24):02}00z"]
        made = controller(
            100 + self.number,
            f"EXX{self.number}_TWR",
            START + timedelta(seconds=self.logon),
            self.frequency,
        )
        return replace(made, text_atis=self.text)


@pytest.mark.parametrize("seed", range(4))
def test_late_snapshots_make_no_difference_to_sessions_and_atis(
    conn: connection, seed: int
) -> None:
    archive = archive_of(seed)
    write_in(conn, archive)
    straight = derived(conn)
    assert len(straight["controllers"]) > 5
    assert len(straight["atis"]) > 5
    dice = Random(seed)
    late = [one for one in archive[:-1] if dice.random() < 0.3]
    dice.shuffle(late)
    write_in(conn, [*(one for one in archive if one not in late), *late])
    assert derived(conn) != straight
    derive_all(conn)
    again = derived(conn)
    for table in TABLES:
        assert again[table] == straight[table], table


def archive_of(seed: int) -> list[Snapshot]:
    """Four hours of five controllers and three ATIS, in steps of a minute and more."""
    dice = Random(seed)
    stations = [Station(dice, number) for number in range(5)]
    letters: dict[int, str | None] = {}
    snapshots, seconds = [], 0.0
    for _ in range(160):
        seconds += dice.choice([15, 15, 30, 60, 240])
        controllers = [one for station in stations if (one := station.step(seconds))]
        broadcasts = []
        for number in range(3):
            if dice.random() < 0.2:
                letters[number] = dice.choice(["A", "B", "C", None])
            if dice.random() > 0.1:
                broadcasts.append(atis(200 + number, f"EXX{number}_ATIS", letters.get(number, "A")))
        radios: dict[str, tuple[Radio, ...]] = {
            one.callsign: (radio(),) for one in controllers if dice.random() < 0.9
        }
        snapshots.append(snapshot(seconds, controllers=controllers, atis=broadcasts, radios=radios))
    return [*snapshots, end(seconds)]


def test_who_does_not_know_of_a_late_snapshot_must_read_the_state_again(
    conn: connection,
) -> None:
    clear(conn)
    said = [snapshot(15 * number, atis=[atis(code="A")]) for number in range(3)]
    state = NetworkState()
    for one in (said[0], said[2]):
        state = write(conn, state, one)
    # Another process brings the one between, which shows another text for a moment.
    other, _ = read_network_state(conn, RULES, at(15))
    write(conn, other, snapshot(15, atis=[atis(code="B")]))
    gone = snapshot(45)
    with pytest.raises(OutOfSequence):
        write(conn, state, gone)
    conn.rollback()
    again, _ = read_network_state(conn, RULES)
    write(conn, again, gone)
    assert rows(conn, "SELECT atis_code, first_seen, gone_at FROM atis ORDER BY first_seen") == [
        ("A", at(0), at(15)),
        ("B", at(15), at(30)),
        ("A", at(30), at(45)),
    ]
