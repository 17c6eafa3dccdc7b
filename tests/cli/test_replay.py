"""Replaying real captures: what is in the files is in the database, once, in whatever order."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.actors.harness import Query, as_url, running, until
from tests.fork_server import run_vatwatch
from vatwatch.feed.times import parse_time
from vatwatch.messages.status import JournalStatus
from vatwatch.storage.journal import Journal

WALL_CLOCK = {
    "snapshots": {"fetched_at", "stored_at"},
    "events": {"stored_at"},
    "schema_migrations": {"applied_at"},
    "reference_data": {"written_at"},
    "quarantine": {"stored_at"},
}
TIMEOUT_S = 110
KINDS = ("pilots", "controllers", "atis", "prefiles")


def replay(home: Path, database_url: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VATWATCH", "VATSIM"))}
    env |= {"DATABASE_URL": as_url(database_url), "VATWATCH_HOME": str(home), "COLUMNS": "200"}
    return run_vatwatch(["replay", *map(str, paths)], env, home.parent, TIMEOUT_S)


def content(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def held(path: Path) -> tuple[datetime, dict[str, Counter[tuple[int, str]]]]:
    """The people in a file, read only with json."""
    feed = content(path)
    people = {k: Counter((r["cid"], r["callsign"]) for r in feed[k]) for k in KINDS}
    return parse_time(feed["general"]["update_timestamp"]), people


def shown(sql: Query, moment: datetime) -> dict[str, Counter[tuple[int, str]]]:
    """The people at a stored snapshot, from the tables alone."""
    present = "%s BETWEEN first_seen AND last_seen AND NOT absences @> %s"
    lasting = "first_seen <= %s AND (gone_at IS NULL OR gone_at > %s)"
    where = {
        "pilots": f"flights WHERE {present}",
        "controllers": f"controllers WHERE {present}",
        "atis": f"atis WHERE {lasting}",
        "prefiles": f"flight_plans WHERE flight_id IS NULL AND {lasting}",
    }
    return {
        kind: Counter(sql(f"SELECT cid, callsign FROM {table}", moment, moment))
        for kind, table in where.items()
    }


def everything(url: str) -> dict[str, Counter[tuple[Any, ...]]]:
    """Every row of every table, but for the wall clock's columns."""
    sql = Query(url)
    columns: dict[str, list[str]] = {}
    for table, column in sql(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY ordinal_position"
    ):
        if column not in WALL_CLOCK.get(table, set()):
            columns.setdefault(table, []).append(f"{column}::text")
    return {
        table: Counter(sql(f"SELECT {', '.join(names)} FROM {table}"))
        for table, names in columns.items()
    }


@pytest.fixture(scope="module")
def files(captures: Path) -> list[Path]:
    return sorted(captures.glob("vatsim-data-*.json.gz"))


def assert_shows_the_files(url: str, files: list[Path]) -> None:
    sql = Query(url)
    assert len(sql.snapshots()) == len(files)
    for path in files:
        moment, people = held(path)
        assert shown(sql, moment) == people, path.name


def test_a_replay_gives_exactly_the_people_in_the_files_and_another_one_changes_no_row(
    captures: Path, files: list[Path], tmp_path: Path, database_url: str
) -> None:
    done = replay(tmp_path / "home", database_url, captures)
    assert done.returncode == 0, done.stderr
    assert f"{len(files)} stored, 0 stored before, 0 refused" in done.stderr
    assert f"{len(files)}/{len(files)}" in done.stderr  # the progress bar came to its end
    assert "left out" in done.stderr  # the radios of a moment that no capture has
    assert_shows_the_files(database_url, files)

    before = everything(database_url)
    again = replay(tmp_path / "home", database_url, captures)
    assert again.returncode == 0, again.stderr
    assert f"0 stored, {len(files)} stored before, 0 refused" in again.stderr
    assert everything(database_url) == before

    moment, people = max((held(path) for path in files), key=lambda pair: pair[0])
    with running(tmp_path / "elsewhere", database_url) as service:
        service.until_served(moment)
        for kind, path, name in (
            ("pilots", "/api/flights", "flights"),
            ("controllers", "/api/controllers", "controllers"),
            ("atis", "/api/atis", "atis"),
        ):
            body = service.http.simulate_get(path).json
            assert Counter((r["cid"], r["callsign"]) for r in body[name]) == people[kind]
            assert body["count"] == people[kind].total()
        assert service.http.simulate_get("/api/network").json["prefiles"] == (
            people["prefiles"].total()
        )


def test_the_order_of_the_captures_does_not_matter(
    files: list[Path], tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, database_url) as service:
        for number, path in enumerate(reversed(files), 1):
            service.hand_in_bytes(gzip.decompress(path.read_bytes()))
            until(lambda n=number: len(service.sql.snapshots()) == n)  # type: ignore[misc]
        until(lambda: service.status("journal", JournalStatus).pending == 0)
    assert_shows_the_files(database_url, files)


def test_a_broken_file_among_good_ones_is_named_and_costs_itself_alone(
    files: list[Path], tmp_path: Path, database_url: str
) -> None:
    mixed = tmp_path / "captures"
    mixed.mkdir()
    for path in files[:2]:
        shutil.copy(path, mixed)
    (mixed / "broken.json.gz").write_bytes(files[2].read_bytes()[:1000])
    (mixed / "page.json").write_text("<html>")
    (mixed / "other.json").write_text('{"name": "package"}')
    done = replay(tmp_path / "home", database_url, mixed)
    assert done.returncode == 1
    for name in ("broken.json.gz", "page.json", "other.json"):
        assert name in done.stderr
    assert "2 stored, 0 stored before, 0 refused" in done.stderr
    assert "3 files not used" in done.stderr
    assert_shows_the_files(database_url, files[:2])


def test_a_replay_of_nothing_says_so(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "empty").mkdir()
    done = replay(tmp_path / "home", database_url, tmp_path / "empty")
    assert done.returncode == 1
    assert done.stderr == "Error: no captures found to replay\n"


def test_journal_entries_can_be_replayed_into_another_database(
    files: list[Path], tmp_path: Path, database_url: str, postgresql: str
) -> None:
    assert replay(tmp_path / "home", database_url, *files[:2]).returncode == 0
    before = everything(database_url)
    admin = psycopg2.connect(database_url)
    admin.autocommit = True
    with admin.cursor() as cur:
        cur.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    admin.close()
    done = replay(tmp_path / "other", database_url, tmp_path / "home" / "journal" / "archive")
    assert done.returncode == 0, done.stderr
    after = everything(database_url)
    for name, rows in before.items():
        assert after[name] == rows, name


def odd_capture(directory: Path, minute: int) -> None:
    """A capture with two records that cannot be read."""
    directory.mkdir(exist_ok=True)
    feed = {
        "general": {"update_timestamp": f"2026-05-01T12:{minute:02}:00Z"},
        "pilots": [{"callsign": "NO-CID"}, {"callsign": "NEITHER"}],
    }
    (directory / f"odd-{minute}.json").write_text(json.dumps(feed))


def test_the_counts_are_those_of_this_run(tmp_path: Path, database_url: str) -> None:
    captures = tmp_path / "odd"
    odd_capture(captures, 1)
    odd_capture(captures, 2)
    sql = Query(database_url)
    done = replay(tmp_path / "home", database_url, captures)
    rows = sql("SELECT count(*) FROM quarantine")[0][0]
    assert rows > 0
    assert f"2 stored, 0 stored before, 0 refused, {rows} records in quarantine" in done.stderr
    odd_capture(captures, 3)
    done = replay(tmp_path / "home", database_url, captures)
    new = sql("SELECT count(*) FROM quarantine")[0][0] - rows
    assert f"1 stored, 2 stored before, 0 refused, {new} records in quarantine" in done.stderr


def test_entries_that_waited_in_the_journal_are_counted_separately(
    tmp_path: Path, database_url: str
) -> None:
    captures = tmp_path / "odd"
    odd_capture(captures, 5)
    odd_capture(captures, 4)
    journal = Journal(tmp_path / "home" / "journal", max_bytes=1 << 30)
    journal.open()
    moment = parse_time("2026-05-01T12:03:00Z")
    data = (captures / "odd-4.json").read_bytes().replace(b"12:04", b"12:03")
    journal.append(
        update_timestamp=moment, fetched_at=moment, data=data, transceivers=None, source="test"
    )
    journal.close()
    done = replay(tmp_path / "home", database_url, captures)
    assert "2 snapshots" in done.stderr
    assert "and 1 that waited in the journal: 3 stored, 0 stored before" in done.stderr


def test_a_replay_on_a_home_in_use_says_so_in_one_line(tmp_path: Path, database_url: str) -> None:
    captures = tmp_path / "odd"
    odd_capture(captures, 1)
    home = tmp_path / "home"
    journal = Journal(home / "journal", max_bytes=1 << 30)
    journal.open()
    try:
        done = replay(home, database_url, captures)
    finally:
        journal.close()
    (line,) = done.stderr.splitlines()
    assert f"journal is in use by process {os.getpid()}" in line
    assert done.returncode == 1


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_interrupted_ends_in_order_and_can_be_run_again(
    sign: signal.Signals, tmp_path: Path, database_url: str
) -> None:
    captures = tmp_path / "odd"
    for minute in range(60):
        odd_capture(captures, minute)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VATWATCH", "VATSIM"))}
    env |= {"DATABASE_URL": as_url(database_url), "VATWATCH_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        [sys.executable, "-m", "vatwatch", "replay", str(captures)],
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    sql = Query(database_url)
    until(lambda: sql.snapshots() or process.poll() is not None)
    os.killpg(process.pid, sign)
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in said
    if process.returncode:  # it may have come to its end before the signal came to it
        assert process.returncode == 128 + sign
        assert re.search(r"interrupted: \d+ of 60 snapshots handed in", said)
    done = replay(tmp_path / "home", database_url, captures)
    assert done.returncode == 0
    assert len(sql.snapshots()) == 60
