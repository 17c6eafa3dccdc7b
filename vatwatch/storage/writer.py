"""Writes a snapshot completely, in one transaction, once.

`write_batch` runs inside a transaction that its caller opens and commits (`storage.pool`). Under an
advisory lock it checks whether the snapshot is stored already (then there is nothing to do), and
whether the batch was derived from the newest snapshot before it (else `OutOfSequence`: its content
may be wrong). So it does not matter how often a batch comes, from where, or what was killed between
the commit and its acknowledgement.

An error of PostgreSQL refuses the whole batch; `storage/weather.py` judges it.

A *late* snapshot is older than the newest one stored (a replay into a database that knows later
times). Then the intervals that it opens end at the next stored snapshot, since that one was not
derived from it; those of radios at the next one that has radios. Intervals that span it and are not
in it are split. See docs/decisions/0004-late-snapshots.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from psycopg2.errorcodes import WRONG_OBJECT_TYPE

from vatwatch.errors import DatabaseBroken, OutOfSequence
from vatwatch.storage.contact_table import write_contacts
from vatwatch.storage.contacts_without_radios import ensure_known, find_behind, next_with_radios
from vatwatch.storage.copy import copy_rows, to_json
from vatwatch.storage.event_table import write_events
from vatwatch.storage.outside_filters import write_outside
from vatwatch.storage.write_flights import write_flights
from vatwatch.storage.write_intervals import write_atis, write_plans, write_transceivers
from vatwatch.storage.write_sectors import write_sectors
from vatwatch.storage.write_sessions import write_sessions
from vatwatch.traffic.batch import Batch, Outcome

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

# An arbitrary number; its bytes begin with "vatw".
WRITER_LOCK = 0x7661_7477_0001
# Quarantined records that are stored for each hour of the feed's time. A change upstream that makes
# all records unreadable would bring 24,000; these are enough to see it, at 50 MB a day at most.
QUARANTINE_AN_HOUR = 500


def write_batch(conn: connection, batch: Batch) -> Outcome:
    """Write one snapshot, in the transaction that the caller has begun and will commit.

    The caller must commit before it reports success, and roll back on any error: then nothing of
    the snapshot is stored. The same batch can be written again whatever happened to the commit.

    Returns:
        STORED, or DUPLICATE if the snapshot was stored already: then nothing is written, and the
            caller cannot know from which state the stored one was derived.

    Raises:
        OutOfSequence: it was not derived from the newest snapshot before it. It and all that were
            derived from it are void; the network state must be read again.
        DatabaseBroken: no value is to blame (`storage/weather.py`)
        psycopg2.Error: as it comes; `storage/weather.py` judges it
    """
    changes = batch.changes
    with conn.cursor() as cur:
        cur.execute("SELECT pg_advisory_xact_lock(%s)", (WRITER_LOCK,))
        stored, previous, following = _neighbours(cur, changes.time)
        if stored:
            return Outcome.DUPLICATE
        if previous != changes.derived_from:
            raise OutOfSequence(
                "another process, or a lost message, changed what the database has: before "
                f"snapshot {changes.time} it has {previous} and not {changes.derived_from}. It is "
                "read again, and nothing is lost"
            )
        if changes.derived_from is not None and not _has_radios(cur, changes.derived_from):
            ensure_known(cur, changes, late=following is not None)
        _snapshot(cur, batch)
        _ensure_partition(cur, changes.time)
        write_flights(cur, changes, following)
        write_sessions(cur, changes, following)
        write_plans(cur, changes, following)
        write_atis(cur, changes, following)
        write_transceivers(cur, changes, next_with_radios(cur, changes.time) if following else None)
        write_contacts(cur, changes, following)
        if following is not None and batch.radio_clients is not None:
            find_behind(cur, changes)
        write_sectors(cur, changes, following)
        write_events(cur, batch.events)
        if following is None:
            write_outside(cur, changes.time, batch.outside)
        _quarantine(cur, batch)
    return Outcome.STORED


def _neighbours(cur: cursor, time: datetime) -> tuple[bool, datetime | None, datetime | None]:
    cur.execute(
        """SELECT EXISTS (SELECT FROM snapshots WHERE update_timestamp = %(time)s),
                  (SELECT max(update_timestamp) FROM snapshots WHERE update_timestamp < %(time)s),
                  (SELECT min(update_timestamp) FROM snapshots WHERE update_timestamp > %(time)s)
        """,
        {"time": time},
    )
    row = cur.fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _has_radios(cur: cursor, time: datetime) -> bool:
    cur.execute(
        "SELECT FROM snapshots WHERE update_timestamp = %s AND radio_clients IS NOT NULL", (time,)
    )
    return cur.fetchone() is not None


def _snapshot(cur: cursor, batch: Batch) -> None:
    changes = batch.changes
    cur.execute(
        """INSERT INTO snapshots (update_timestamp, previous, fetched_at, pilots, controllers, atis,
               prefiles, radio_clients, connected_clients, unique_users, quarantined, kept_out,
               source)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            changes.time,
            changes.derived_from,
            batch.fetched_at,
            changes.flights.shown,
            len(changes.sessions.online),
            len(changes.atis.present),
            len(changes.prefiles.present),
            batch.radio_clients,
            changes.general.connected_clients,
            changes.general.unique_users,
            batch.set_aside,
            to_json(batch.kept_out),
            batch.source,
        ),
    )


def _ensure_partition(cur: cursor, time: datetime) -> None:
    """Create the day's partition of positions, if it is missing (CREATE locks out readers).

    Raises DatabaseBroken if it was detached: no snapshot of that day could be written, and none of
    them is to blame.
    """
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"positions_{day:%Y%m%d}"
    cur.execute(
        "SELECT relispartition FROM pg_class WHERE oid = to_regclass(%s)",
        (name,),
    )
    row = cur.fetchone()
    if row is None:
        cur.execute(
            f"CREATE TABLE {name} PARTITION OF positions FOR VALUES FROM (%s) TO (%s)",
            (day, day + timedelta(days=1)),
        )
    elif not row[0]:
        raise DatabaseBroken(
            f"the table {name} is detached from positions, so the positions of that day cannot be "
            "written: attach it again, or give it another name",
            WRONG_OBJECT_TYPE,
        )


def _quarantine(cur: cursor, batch: Batch) -> None:
    """Write the quarantined records, as many as the hour has room for."""
    if not batch.quarantined:
        return
    time = batch.changes.time
    cur.execute(
        "SELECT count(*) FROM quarantine WHERE update_timestamp BETWEEN %s AND %s",
        (time - timedelta(hours=1), time),
    )
    row = cur.fetchone()
    assert row is not None
    room = max(0, QUARANTINE_AN_HOUR - row[0])
    copy_rows(
        cur,
        "quarantine",
        ("update_timestamp", "kind", "callsign", "reason", "record"),
        [(time, q.kind, q.callsign, q.reason, q.record) for q in batch.quarantined[:room]],
    )
