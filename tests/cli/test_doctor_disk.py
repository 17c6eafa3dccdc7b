"""`vatwatch doctor` and the disk: how full, how fast it grows, and when it is full."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.actors.harness import as_url
from tests.cli.doctor_house import Doctor
from vatwatch.cli.examination.disk import DiskSpace, judge_growth, judge_space
from vatwatch.cli.examination.forecast import Growth, days_until_full
from vatwatch.monitoring.resources import Limits
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.growth import growth_of, journal_growth
from vatwatch.storage.migrate import migrate

MIB, GIB = 1024**2, 1024**3
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

# --- the forecast --------------------------------------------------------------------------------


def test_a_disk_is_full_when_what_is_free_has_grown_away() -> None:
    assert days_until_full(100, []) is None
    assert days_until_full(100, [Growth("a", 0)]) is None
    assert days_until_full(100, [Growth("a", 5)]) == 20
    assert days_until_full(100, [Growth("a", 5), Growth("b", 20)]) == 4
    assert days_until_full(0, [Growth("a", 5)]) == 0


def test_what_has_reached_its_bound_grows_no_more() -> None:
    bounded = Growth("journal", 10, 50)  # five days
    assert days_until_full(100, [bounded]) is None
    assert days_until_full(40, [bounded]) == 4
    # Five days of 15, then 25 are left for 5 a day.
    assert days_until_full(100, [bounded, Growth("database", 5)]) == 10
    assert days_until_full(100, [Growth("journal", 10, 0)]) is None


@given(
    st.floats(0, 1e12),
    st.lists(
        st.builds(
            Growth,
            st.just("x"),
            st.floats(0.001, 1e9),
            st.none() | st.floats(0, 1e12),
        ),
        max_size=4,
    ),
)
def test_on_the_day_of_the_forecast_the_growths_add_up_to_what_was_free(
    free: float, growths: list[Growth]
) -> None:
    days = days_until_full(free, growths)
    if days is None:
        assert all(one.most is not None for one in growths)
        assert sum(one.most or 0 for one in growths) <= free * (1 + 1e-9)
    else:
        grown = sum(
            one.per_day * days if one.most is None else min(one.per_day * days, one.most)
            for one in growths
        )
        assert grown == pytest.approx(free, rel=1e-6, abs=1e-6)


# --- what is said about it -----------------------------------------------------------------------


def space(free_mb: float, *, files_free: int = 900, files: int = 1000) -> DiskSpace:
    return DiskSpace(int(free_mb * MIB), 100 * GIB, files_free, files)


@pytest.mark.parametrize(
    ("free_mb", "state"),
    [(2049, "ok"), (2048, "warning"), (513, "warning"), (512, "fault"), (0, "fault")],
)
def test_a_disk_past_the_services_limits_is_told(free_mb: float, state: str) -> None:
    (found,) = judge_space(space(free_mb), Limits(2048, 512, falls=True))
    assert found.state.value == state


def test_a_file_system_that_runs_out_of_files_is_a_warning() -> None:
    limits = Limits(2048, 512, falls=True)
    (_, found) = judge_space(space(9999, files_free=10), limits)
    assert (found.state.value, "10 of 1,000 files" in found.text) == ("warning", True)
    # Some file systems have no such bound, and say 0.
    assert len([*judge_space(space(9999, files_free=0, files=0), limits)]) == 1


@pytest.mark.parametrize(
    ("per_day", "state", "text"),
    [
        (GIB / 2, "ok", "It is full on 2027-06-15."),
        (4 * GIB, "warning", "It is full on 2026-12-22."),
        (100 * GIB, "fault", "It is full on 2026-11-28."),
        (MIB, "ok", "not full within ten years"),
    ],
)
def test_the_day_on_which_it_is_full_is_told(per_day: float, state: str, text: str) -> None:
    (found,) = judge_growth(
        100 * GIB, [Growth("the database", per_day)], NOW, database_unknown=False
    )
    assert (found.state.value, text in found.text) == (state, True), found.text
    assert "the database by" in found.text


def test_what_is_not_known_is_said() -> None:
    (found,) = judge_growth(GIB, [], NOW, database_unknown=True)
    assert found.text.startswith("How fast it grows is not known yet.")
    assert "The database is not counted" in found.text


# --- measured ------------------------------------------------------------------------------------


def entries(directory: Path, number: int, *, every_s: float, size: int, until_s: float) -> None:
    directory.mkdir(parents=True)
    for n in range(number):
        file = directory / f"{n:06}.vwj"
        file.write_bytes(b"x" * size)
        written = until_s - n * every_s
        os.utime(file, (written, written))


def test_the_journals_growth_is_that_of_its_newest_day(tmp_path: Path) -> None:
    now = time.time()
    # One every quarter of an hour for two days; before that, for a day, none.
    entries(tmp_path / "archive" / "2026" / "11" / "27", 192, every_s=900, size=1000, until_s=now)
    entries(
        tmp_path / "archive" / "2026" / "11" / "24",
        9,
        every_s=1,
        size=9999,
        until_s=now - 3 * 86_400,
    )
    entries(tmp_path / "pending", 4, every_s=1, size=500, until_s=now)
    entries(tmp_path / "quarantine", 1, every_s=1, size=7, until_s=now)
    found = journal_growth(tmp_path)
    assert (found.pending_bytes, found.archived_bytes) == (2000, 192_000 + 9 * 9999)
    assert found.bytes == found.pending_bytes + found.archived_bytes + 7
    assert found.bytes_per_day == pytest.approx(96 * 1000 + 2000, rel=0.02)


def test_a_young_journal_says_nothing_about_a_day(tmp_path: Path) -> None:
    assert journal_growth(tmp_path / "nowhere").bytes_per_day is None
    entries(tmp_path / "pending", 30, every_s=15, size=1000, until_s=time.time())
    assert journal_growth(tmp_path).bytes_per_day is None


def test_the_databases_growth_is_measured_on_its_newest_day(database_url: str) -> None:
    conn = psycopg2.connect(database_url)
    with conn.cursor() as cur:
        cur.execute("SET TIME ZONE 'UTC'")
        migrate(conn)
        assert growth_of(conn) is None
        fill(cur)
        found = growth_of(conn)
        assert found is not None
        cur.execute("SELECT pg_total_relation_size('snapshots'), count(*) FROM snapshots")
        row = cur.fetchone()
    conn.close()
    assert row is not None
    # 96 of 300 snapshots are of a day; the other tables are empty, and have some pages each.
    assert found.bytes_per_day >= row[0] * 95 / row[1]
    assert found.bytes_per_day <= 20 * MIB
    assert found.history == timedelta(minutes=15) * 299


def fill(cur: psycopg2.extensions.cursor) -> None:
    """Snapshots of three days, one every quarter of an hour, with texts of some size."""
    cur.execute(
        """INSERT INTO snapshots (update_timestamp, fetched_at, pilots, controllers, atis, prefiles,
               connected_clients, unique_users, quarantined, kept_out, source)
           SELECT t, t, 1, 1, 1, 1, 1, 1, 0, '{}', repeat(md5(t::text), 30)
           FROM generate_series(now() - interval '4485 minutes', now(), '15 minutes') t"""
    )


def test_the_doctor_tells_the_growth_of_both_and_the_day(tmp_path: Path, home: Path) -> None:
    cluster = EmbeddedPostgres(home)
    conn = psycopg2.connect(cluster.start())
    try:
        with conn.cursor() as cur:
            migrate(conn)
            fill(cur)
        conn.commit()
        conn.close()
        entries(home / "journal" / "archive", 300, every_s=900, size=1000, until_s=time.time())
        doctor = Doctor(tmp_path, VATWATCH_HOME=str(home))
        server = f"host='{cluster.socket_directory}' user=vatwatch dbname=vatwatch"
        own = Doctor(tmp_path, DATABASE_URL=as_url(server))
    finally:
        cluster.stop()
    free, sizes, growth = doctor.found("disk")
    assert "are free" in free.text
    assert "The database has" in sizes.text
    assert "the journal by" in growth.text
    assert "the database by" in growth.text
    assert "disk that cannot be seen from here" in own.found("disk")[-1].text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_full_disk_is_a_fault(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(home)]
    subprocess.run(mount, check=True)
    try:
        with (home / "filler").open("wb") as file:
            file.write(b"x" * (2 * MIB - 8192))
        found = Doctor(tmp_path).found("disk", "fault")
        assert "less than" in found[0].text
        assert "archive is deleted" in found[0].text
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_read_only_disk_is_a_fault(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(home)], check=True)
    try:
        assert "cannot be written" in Doctor(tmp_path).one("settings", "fault").text
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)
