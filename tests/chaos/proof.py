"""Proves that every snapshot is stored once, after any faults.

Every journal entry is copied as soon as it is seen, so that what was fetched is known whatever the
service did with it afterwards. At the end the copies are replayed into an empty database, by a
service that nobody disturbs; both databases must then hold the same rows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import psycopg2

from tests.chaos.area_files import all_areas, area_settings
from tests.chaos.house import House
from vatwatch.feed.records import Feed, General
from vatwatch.feed.times import time_text
from vatwatch.storage.derive_again import derive_marked
from vatwatch.storage.journal_entry import SUFFIX
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.batch import Batch
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import Rules, Snapshot

LOOK_S = 0.1
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


@dataclass(slots=True)
class Ledger:
    """Every entry that the journal ever held, copied beside it."""

    journal: Path
    copies: Path
    seen: set[str] = field(default_factory=set)
    set_aside: set[str] = field(default_factory=set)
    """Names of entries in quarantine at the end."""
    _watcher: Any = None

    def start(self) -> None:
        """Look again and again until `stop`."""
        self.copies.mkdir(parents=True, exist_ok=True)
        self._watcher = gevent.spawn(self._watch)

    def stop(self) -> None:
        """Look a last time."""
        self._watcher.kill()
        self._look()
        # What was set aside, and said to be, is not to be in the database. An undisturbed run has
        # no clock of its own to doubt these by.
        self.set_aside = {path.name for path in self.journal.glob(f"quarantine/*{SUFFIX}")}
        for name in self.set_aside & self.seen:
            (self.copies / name).unlink()

    def _watch(self) -> None:
        while True:
            self._look()
            gevent.sleep(LOOK_S)

    def _look(self) -> None:
        for folder, _, names in os.walk(self.journal):
            if Path(folder).name == "quarantine":
                continue
            for name in names:
                # An entry moves from one folder to another; a link keeps it whatever happens.
                if name.endswith(SUFFIX) and name not in self.seen:
                    with suppress(FileNotFoundError):
                        os.link(Path(folder) / name, self.copies / name)
                        self.seen.add(name)


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


def prove(house: House, ledger: Ledger) -> Verdict:
    """Hold the database against what was fetched, and against an undisturbed run."""
    fetched = _replay(house, ledger)
    for dsn in (house.dsn, _reference(house)):
        _derive_again(dsn)
    stored = [row[0] for row in house.query("SELECT update_timestamp FROM snapshots")]
    reference = _rows(_reference(house), "SELECT update_timestamp FROM snapshots")
    differing = {
        table: _difference(house, f"SELECT {columns} FROM {table}")
        for table, columns in TABLES.items()
    }
    differing["events"] = _difference(house, EVENTS_OF_SNAPSHOTS)
    return Verdict(
        fetched=fetched,
        set_aside=len(ledger.set_aside),
        lost=len({row[0] for row in reference} - set(stored)),
        doubled=len(stored) - len(set(stored)),
        differing=differing,
    )


def _replay(house: House, ledger: Ledger) -> int:
    """The copies into a database of their own; how many there are."""
    admin = psycopg2.connect(house.dsn)
    admin.autocommit = True
    with admin.cursor() as cur:
        cur.execute("DROP DATABASE IF EXISTS reference WITH (FORCE)")
        cur.execute("CREATE DATABASE reference")
    admin.close()
    home = house.directory / "reference"
    shutil.rmtree(home, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "vatwatch", "replay", str(ledger.copies)],
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
    return len(ledger.seen)


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
