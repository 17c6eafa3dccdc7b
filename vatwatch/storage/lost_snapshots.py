"""What a database has lost: after a fail-over without its last transactions, or from a backup.

A replica that is promoted has all that its primary had sent it. What had been committed and not
been sent is gone, although the journal was told that it is stored; its archive still has the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which history of which cluster a server goes on with."""

    system_identifier: int
    """Made at initdb; that of a replica is the same."""
    timeline: int
    """Each promotion, and each recovery to a point in time, begins a new one."""


def server_identity(conn: connection) -> ServerIdentity:
    """That of the server at the other end, which must take writes.

    Not the timeline of the control file: that is the one before until the first checkpoint.
    """
    with conn.cursor() as cur:
        cur.execute(
            "SELECT system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8)"
            " FROM pg_control_system()"
        )
        row = cur.fetchone()
    assert row is not None
    return ServerIdentity(row[0], int(row[1], 16))


def lost_among(conn: connection, stored: Sequence[datetime]) -> frozenset[datetime]:
    """Which snapshots that were stored once are not there.

    Those that are not newer than the oldest one do not count: they were deleted for their age. In a
    database without any snapshot none counts: it is another one, and nobody has asked to fill it.
    """
    with conn.cursor() as cur:
        cur.execute(
            """SELECT one FROM unnest(%s::timestamptz[]) AS one
               WHERE one > (SELECT min(update_timestamp) FROM snapshots)
                 AND NOT EXISTS (SELECT FROM snapshots WHERE update_timestamp = one)""",
            (list(stored),),
        )
        return frozenset(one for (one,) in cur.fetchall())
