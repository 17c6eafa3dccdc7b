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
    from collections.abc import Sequence

    from psycopg2.extensions import connection, cursor

    from vatwatch.feed.clock import Moment


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


def fitting(conn: connection, held: Sequence[Moment]) -> list[Moment]:
    """Those updates whose clocks agree with what others have fetched and stored.

    Each was held, as it was not certain that its clock was right. It was if what was fetched just
    before it is older by the feed's time, too, and what was fetched just after it is newer. While
    nothing is stored that was fetched later, nobody knows.
    """
    with conn.cursor() as cur:
        return [moment for moment in held if _fits(cur, moment)]


def _fits(cur: cursor, moment: Moment) -> bool:
    cur.execute(
        """WITH near AS (
               SELECT update_timestamp AS time, fetched_at FROM snapshots
               WHERE update_timestamp > %(time)s - interval '1 day'
                 AND update_timestamp < %(time)s + interval '1 day'
           )
           SELECT ((SELECT time FROM near WHERE fetched_at < %(fetched_at)s
                    ORDER BY fetched_at DESC LIMIT 1) < %(time)s) IS NOT FALSE
              AND ((SELECT time FROM near WHERE fetched_at > %(fetched_at)s
                    ORDER BY fetched_at LIMIT 1) > %(time)s) IS TRUE""",
        {"fetched_at": moment.at, "time": moment.time},
    )
    row = cur.fetchone()
    assert row is not None
    return bool(row[0])


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
