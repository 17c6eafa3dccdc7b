"""Snapshots on their way from the journal of a node to that of the collector.

Whoever hands one over has it durable here before it lets go of it, and whoever takes one has it
durable in its own journal before it is deleted here. So it may come twice, and then the database
says that it is stored already; it is never lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection


@dataclass(frozen=True, slots=True)
class HandedSnapshot:
    """One snapshot, as its node has fetched it."""

    node: str
    entry_id: int
    update_timestamp: datetime
    fetched_at: datetime
    source: str
    data: bytes
    transceivers: bytes | None


def hand_in(conn: connection, one: HandedSnapshot) -> None:
    """Put it here, unless it is stored by now; the same one again changes nothing.

    Most that a killed collector has left its successor has fetched, too.
    """
    with conn.cursor() as cur:
        cur.execute(
            """INSERT INTO handed_snapshots (node, entry_id, update_timestamp, fetched_at, source,
                                             data, transceivers)
               SELECT %s, %s, %s, %s, %s, %s, %s
               WHERE NOT EXISTS (SELECT FROM snapshots WHERE update_timestamp = %s)
               ON CONFLICT (node, entry_id, update_timestamp) DO NOTHING""",
            (
                one.node,
                one.entry_id,
                one.update_timestamp,
                one.fetched_at,
                one.source,
                one.data,
                one.transceivers,
                one.update_timestamp,
            ),
        )


def oldest_handed(conn: connection) -> HandedSnapshot | None:
    """The oldest by the feed's time; None if there is none. Those that are stored are deleted."""
    with conn.cursor() as cur:
        cur.execute(
            """DELETE FROM handed_snapshots USING snapshots
               WHERE snapshots.update_timestamp = handed_snapshots.update_timestamp"""
        )
        cur.execute(
            """SELECT node, entry_id, update_timestamp, fetched_at, source, data, transceivers
               FROM handed_snapshots ORDER BY update_timestamp, node, entry_id LIMIT 1"""
        )
        row = cur.fetchone()
    if row is None:
        return None
    node, entry_id, update_timestamp, fetched_at, source, data, transceivers = row
    return HandedSnapshot(
        node=node,
        entry_id=entry_id,
        update_timestamp=update_timestamp,
        fetched_at=fetched_at,
        source=source,
        data=bytes(data),
        transceivers=None if transceivers is None else bytes(transceivers),
    )


def taken(conn: connection, one: HandedSnapshot) -> None:
    """Delete it: it is in another journal by now."""
    with conn.cursor() as cur:
        cur.execute(
            """DELETE FROM handed_snapshots
               WHERE node = %s AND entry_id = %s AND update_timestamp = %s""",
            (one.node, one.entry_id, one.update_timestamp),
        )
