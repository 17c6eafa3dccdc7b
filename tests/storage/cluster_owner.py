"""Run as a child process: starts an embedded cluster, writes rows, and reports each that it kept.

Usage: cluster_owner.py HOME
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg2

from vatwatch.storage.embedded import EmbeddedPostgres


def main() -> None:
    cluster = EmbeddedPostgres(Path(sys.argv[1]))
    conn = psycopg2.connect(cluster.start())
    with conn.cursor() as cur:
        cur.execute("CREATE TABLE IF NOT EXISTS kept (id serial PRIMARY KEY)")
        conn.commit()
        while True:
            cur.execute("INSERT INTO kept DEFAULT VALUES RETURNING id")
            row = cur.fetchone()
            conn.commit()
            assert row is not None
            print(row[0], flush=True)


if __name__ == "__main__":
    main()
