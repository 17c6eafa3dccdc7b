"""Proves that every snapshot is stored once, after any faults.

Every journal entry is copied as soon as it is seen (`ledger.py`), so that what was fetched is known
whatever the service did with it afterwards. At the end the copies are replayed into an empty
database, by a service that nobody disturbs; both databases must then hold the same rows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests.chaos.area_files import all_areas, area_settings
from tests.chaos.house import House
from tests.chaos.ledger import Ledger
from vatwatch.feed.records import Feed, General
from vatwatch.feed.times import time_text
from vatwatch.storage.derive_again import derive_marked
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import Rules, Snapshot

# What each table says, without what the wall clock wrote into it. Events of the service itself
# (somebody was restarted) are nobody else's.
TABLES = {
    "snapshots": "update_timestamp, previous, pilots, controllers, atis, prefiles, radio_clients, "
    "connected_clients, unique_users, quarantined, kept_out",
    "flights": "*",
    "connections": "*",
    "flight_plans": "*",
    "positions": "*",
    "controllers": "*",
    "atis": "*",
    "transceivers": "*",
    "frequency_matches": "*",
    "sector_occupancy": "*",
    "quarantine": "update_timestamp, kind, callsign, reason, record",
}
# By which column a row is found again in the other database, to tell in what it differs.
_KEYS = {
    "snapshots": "update_timestamp",
    "flights": "flight_id",
    "connections": "flight_id",
    "flight_plans": "plan_id",
    "positions": "flight_id",
    "controllers": "session_id",
    "atis": "atis_id",
    "transceivers": "state_id",
    "frequency_matches": "flight_id",
    "sector_occupancy": "flight_id",
}
EVENTS_OF_SNAPSHOTS = (
    "SELECT id, type, time, correlation_id, payload FROM events "
    "WHERE source = 'processor' AND type NOT LIKE 'DATA%'"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """How many rows only one of two tables has, and in which columns the others differ."""

    rows: int
    columns: list[str]

    def __str__(self) -> str:
        return f"{self.rows} ({', '.join(self.columns)})" if self.columns else str(self.rows)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the proof says."""

    fetched: int
    set_aside: int
    lost: int
    doubled: int
    differing: dict[str, Difference]
    """Rows that only one of the two databases has, by table."""

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, doubled or different."""
        return not (self.lost or self.doubled or any(each.rows for each in self.differing.values()))

    def __str__(self) -> str:
        differing = ", ".join(f"{n} in {table}" for table, n in self.differing.items() if n.rows)
        return (
            f"{self.fetched} snapshots fetched, {self.set_aside} of them set aside, {self.lost} "
            f"lost, {self.doubled} doubled; "
            f"rows that differ from an undisturbed run: {differing or 'none'}"
        )


def prove(house: House, ledger: Ledger, *, as_stored: bool = False) -> Verdict:
    """Hold the database against what was fetched, and against an undisturbed run.

    `as_stored`: the undisturbed run gets the snapshots in the order in which they were stored. Of
    several nodes one may have to hand a snapshot over, which is late then (decision 0004).
    """
    _replay(house, _in_stored_order(house, ledger) if as_stored else [ledger.copies])
    for dsn in (house.dsn, _reference(house)):
        _derive_again(dsn)
    stored = [row[0] for row in house.query("SELECT update_timestamp FROM snapshots")]
    reference = _rows(_reference(house), "SELECT update_timestamp FROM snapshots")
    differing = {
        table: _difference(house, f"SELECT {columns} FROM {table}")
        for table, columns in TABLES.items()
    }
    if not as_stored:
        # Of a late snapshot, what was told when it was live may differ from what is derived of it
        # later: docs/architecture.md, "Two paths, one truth".
        differing["events"] = _difference(house, EVENTS_OF_SNAPSHOTS)
    return Verdict(
        fetched=ledger.fetched(),
        set_aside=len(ledger.set_aside),
        lost=len({row[0] for row in reference} - set(stored)),
        doubled=len(stored) - len(set(stored)),
        differing=differing,
    )


def _in_stored_order(house: House, ledger: Ledger) -> list[Path]:
    rows = house.query("SELECT update_timestamp, fetched_at FROM snapshots ORDER BY stored_at")
    return ledger.in_order([(update, fetched) for update, fetched in rows])


def _replay(house: House, copies: list[Path]) -> None:
    """The copies into a database of their own, one directory after the other."""
    admin = psycopg2.connect(house.dsn)
    admin.autocommit = True
    with admin.cursor() as cur:
        cur.execute("DROP DATABASE IF EXISTS reference WITH (FORCE)")
        cur.execute("CREATE DATABASE reference")
    admin.close()
    home = house.directory / "reference"
    shutil.rmtree(home, ignore_errors=True)
    for directory in copies:
        _replay_one(house, directory, home)


def _replay_one(house: House, copies: Path, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vatwatch", "replay", str(copies)],
        env={
            **os.environ,
            "DATABASE_URL": _url(house),
            "VATWATCH_HOME": str(home),
            **area_settings(house.areas),
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode:
        raise RuntimeError(f"the reference run failed: {done.stderr[-2000:]}")


def _derive_again(dsn: str) -> None:
    """Let all flights and sessions end, so that what late snapshots touched is derived again.

    What came late is in the end as if it had come in order, and no row is marked any more.
    """
    rules = Rules(areas=all_areas())
    conn = psycopg2.connect(dsn)
    try:
        state, _ = read_network_state(conn, rules)
        if state.time is None:
            return
        time = state.time + 2 * rules.resume_window
        changes = diff(state, Snapshot(time, Feed(General(time_text(time))), {}), rules)
        write_batch(
            conn,
            Batch(
                entry_id=0,
                changes=changes,
                events=[],
                quarantined=(),
                kept_out={},
                radio_clients=None,
                fetched_at=time,
                source="the end",
            ),
        )
        conn.commit()
        while derive_marked(conn, rules):
            conn.commit()
        conn.commit()
    finally:
        conn.close()


def _reference(house: House) -> str:
    return house.dsn.replace("dbname=vatwatch", "dbname=reference")


def _url(house: House) -> str:
    return f"postgresql://vatwatch@127.0.0.1:{house.to_postgres.port}/reference"


def _difference(house: House, sql: str) -> Difference:
    """The rows that only one of the two has, and in which columns they differ."""
    as_json = f"SELECT to_jsonb(t)::text FROM ({sql}) t"
    ours = [row[0] for row in house.query(as_json)]
    theirs = [row[0] for row in _rows(_reference(house), as_json)]
    rows = len(set(ours) ^ set(theirs)) + abs(len(ours) - len(theirs))
    key = _KEYS.get(sql.rpartition(" FROM ")[2], "id")
    mine, others = (
        {row.get(key): row for row in map(json.loads, only)}
        for only in (set(ours) - set(theirs), set(theirs) - set(ours))
    )
    columns = {
        name
        for key, row in mine.items()
        for name, value in row.items()
        if key in others and others[key][name] != value
    }
    return Difference(rows, sorted(columns))


def _rows(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    conn = psycopg2.connect(dsn)
    try:
        with conn.cursor() as cur:
            cur.execute(sql)
            return list(cur.fetchall())
    finally:
        conn.close()
