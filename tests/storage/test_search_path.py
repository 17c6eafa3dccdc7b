"""The schema that DATABASE_URL asks for holds the whole database."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2.extensions import make_dsn

from tests.actors.harness import running, until
from vatwatch.messages.status import JournalStatus


def test_a_service_lives_in_the_schema_that_its_address_asks_for(
    tmp_path: Path, database_url: str
) -> None:
    with closing(psycopg2.connect(database_url)) as conn, conn, conn.cursor() as cur:
        cur.execute("CREATE SCHEMA apart")
    url = make_dsn(database_url, options="-csearch_path=apart", application_name="operators")
    for start in (1, 2):  # the second start finds what the first one left
        feed = {"general": {"update_timestamp": f"2026-05-01T12:0{start}:00Z"}, "pilots": []}
        with running(tmp_path / str(start), url) as service:
            service.hand_in_bytes(json.dumps(feed).encode())
            until(lambda: service.status("journal", JournalStatus).archived >= 1)
            names = service.sql("SELECT DISTINCT application_name FROM pg_stat_activity")
            assert ("operators",) in names
    with closing(psycopg2.connect(database_url)) as conn, conn.cursor() as cur:
        cur.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|info)'")
        assert cur.fetchall() == [("apart",)]
        cur.execute("SELECT count(*) FROM apart.snapshots")
        assert cur.fetchone() == (2,)
