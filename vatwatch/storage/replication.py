"""How far a streaming replica is behind its primary: by positions in the write-ahead log.

The replica's own times do not say it. `pg_last_xact_replay_timestamp()` grows older while nobody
writes, and what was received and what was replayed are equal, too, if nothing comes through. So the
primary's position is remembered with the moment at which it was seen. The first one that the
replica has not reached says since when it is behind; without one it is not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# Positions of the primary that are remembered, one a look: a longer lag is at least so long.
REMEMBERED = 900


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a server is."""

    system: int
    """The cluster's identifier, which its replicas share."""
    standby: bool
    at: int
    """Bytes of the log that were written; of a standby, that were replayed."""
    quiet_s: float | None
    """Seconds since the last transaction that a standby has replayed, by its own clock."""


def log_position(conn: connection) -> LogPosition:
    """Where this server is. Runs in a native thread; any user may ask for it."""
    with conn.cursor() as cur:
        cur.execute(
            """SELECT (SELECT system_identifier FROM pg_control_system()), pg_is_in_recovery(),
                      (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::int8,
                      extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
                          ::float8"""
        )
        row = cur.fetchone()
    assert row is not None
    system, standby, at, quiet_s = row
    return LogPosition(int(system), bool(standby), int(at or 0), quiet_s)


class ReplicaLag:
    """Compares replicas with their primary. Moments are seconds of one clock that never goes
    back."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._system: int | None = None

    def primary_seen(self, found: LogPosition, now: float) -> None:
        """The primary was there."""
        if found.system != self._system or (self._seen and found.at < self._seen[-1][1]):
            # Another primary, which begins where its predecessor's log had come to it.
            self._seen.clear()
            self._system = found.system
        if not self._seen or found.at > self._seen[-1][1]:
            self._seen.append((now, found.at))

    def is_of_another(self, found: LogPosition) -> bool:
        """Whether it is certain that this server does not follow the primary."""
        return self._system is not None and found.system != self._system

    def behind_s(self, found: LogPosition, now: float) -> float | None:
        """Since when it has not all that the primary had, in seconds; None if that is not known,
        as the primary was never seen."""
        if not found.standby:
            return 0.0  # it has become the primary
        if not self._seen:
            return None
        missed = next((moment for moment, at in self._seen if at > found.at), None)
        if missed is None:
            return 0.0
        if missed == self._seen[0][0]:
            # Behind since before the first look; only its own clock knows for how long.
            return max(now - missed, found.quiet_s or 0.0)
        return now - missed
