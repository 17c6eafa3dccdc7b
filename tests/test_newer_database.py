"""A database that another version has changed: the service says so in one line, and ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg2
import pytest

from tests.actors.harness import as_url
from tests.feed_server import FeedServer
from tests.fork_server import run_vatwatch
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.migrate import migrate

PATIENCE_S = 110


def changed_by_another_version(dsn: str, change: str) -> None:
    conn = psycopg2.connect(dsn)
    try:
        migrate(conn)
        with conn.cursor() as cur:
            cur.execute(change)
        conn.commit()
    finally:
        conn.close()


NEWER = "INSERT INTO schema_migrations VALUES (9999, 'of_tomorrow', 'x')"
EDITED = "UPDATE schema_migrations SET checksum = 'x' WHERE version = 1"


def command(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "VATWATCH_HOME": str(home), "PORT": "21710", **environment}
    return run_vatwatch(words, env, home, PATIENCE_S)


@pytest.mark.parametrize(
    ("change", "said"),
    [(NEWER, "the database has schema 9999"), (EDITED, "an applied change must not be edited")],
)
def test_the_service_does_not_start_on_a_database_of_another_version(
    change: str, said: str, tmp_path: Path, database_url: str
) -> None:
    changed_by_another_version(database_url, change)
    done = command(tmp_path, "run", DATABASE_URL=as_url(database_url))
    (line,) = done.stderr.strip().splitlines()
    assert said in line
    assert done.returncode == 1
    assert not (tmp_path / "journal").exists()


def test_a_replay_does_not_start_on_a_database_of_another_version(
    tmp_path: Path, database_url: str
) -> None:
    changed_by_another_version(database_url, NEWER)
    with FeedServer() as feeds:
        (tmp_path / "capture.json").write_bytes(feeds.published.data.raw)
    done = command(tmp_path, "replay", "capture.json", DATABASE_URL=as_url(database_url))
    (line,) = done.stderr.strip().splitlines()
    assert "the database has schema 9999" in line
    assert done.returncode == 1


def test_a_service_that_finds_it_out_later_ends_in_order_with_one_line_and_for_good(
    tmp_path: Path,
) -> None:
    """The embedded cluster answers only when the service has started it."""
    cluster = EmbeddedPostgres(tmp_path)
    changed_by_another_version(cluster.start(), NEWER)
    cluster.stop()
    with FeedServer() as feeds:
        done = command(tmp_path, "run", VATSIM_API_URL=feeds.url, VATWATCH_LOG_LEVEL="error")
    assert done.returncode not in (0, 1)
    assert "Traceback" not in done.stderr
    about = [line for line in done.stderr.splitlines() if "schema 9999" in line]
    assert about[-1].startswith("vatwatch: the database has schema 9999")
    assert not (tmp_path / "postgres" / "data" / "postmaster.pid").exists()


def test_a_cluster_of_another_major_version_is_refused_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("99\n")
    done = command(tmp_path, "run")
    (line,) = done.stderr.strip().splitlines()
    assert "was made by PostgreSQL 99" in line
    assert done.returncode == 1
