"""A database of its own for `vatwatch verify`, so that the service can be killed within the day.

Each snapshot is written as the service writes it. After a kill nothing is left but the tables, and
the rules go on from what they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg2

from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.migrate import migrate
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.batch import Outcome
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import ComparedSnapshot, batch_of

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# It lives for minutes, and nobody needs what it had if the machine fails.
SERVER_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class SnapshotTables:
    """Writes the snapshots of a day, in order, and reads what a restarted service knows."""

    def __init__(self, conn: connection, rules: Rules) -> None:
        """`conn`: to a database with our schema, and without snapshots."""
        self._conn, self._rules, self._written = conn, rules, 0

    def write(self, compared: ComparedSnapshot) -> None:
        """Store a snapshot; it must be the one after the last one that was stored."""
        self._written += 1
        time = compared.decoded.snapshot.time
        batch = batch_of(compared, entry_id=self._written, fetched_at=time, source="verify")
        outcome = write_batch(self._conn, batch)
        assert outcome is Outcome.STORED, outcome
        self._conn.commit()

    def restart(self) -> NetworkState:
        """What is known after a kill."""
        state, _ = read_network_state(self._conn, self._rules)
        self._conn.commit()
        return state


@contextmanager
def temporary_tables(rules: Rules) -> Iterator[SnapshotTables]:
    """Tables in a PostgreSQL of their own, in a temporary directory, that ends with the block.

    Raises:
        EmbeddedPostgresError: no PostgreSQL is installed, or it does not start
    """
    with TemporaryDirectory(prefix="vatwatch-verify-") as home:
        server = EmbeddedPostgres(Path(home), settings=SERVER_SETTINGS)
        dsn = server.start()
        try:
            with closing(psycopg2.connect(dsn)) as conn:
                migrate(conn)
                conn.commit()
                yield SnapshotTables(conn, rules)
        finally:
            server.stop()
