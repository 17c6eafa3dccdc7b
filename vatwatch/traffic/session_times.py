"""How long a session was connected, and how long with a frequency.

Both are times that snapshots show: breaks, and what was before the first snapshot, do not count.
"""

from __future__ import annotations

from datetime import datetime

from vatwatch.traffic.network_state import Session


def connected_s(session: Session) -> float:
    """Seconds from the first snapshot to the last one, without the breaks."""
    return _shown_s(session, session.first_seen, session.last_seen)


def frequency_s(session: Session) -> float:
    """Of these, the seconds in which a frequency was tuned."""
    total = 0.0
    until = session.last_seen
    for tuned in reversed(session.frequencies):
        if tuned.frequency_hz is not None:
            total += _shown_s(session, tuned.since, until)
        until = tuned.since
    return total


def _shown_s(session: Session, start: datetime, end: datetime) -> float:
    away = sum(
        max(0.0, (min(one.end, end) - max(one.start, start)).total_seconds())
        for one in session.breaks
    )
    return max(0.0, (end - start).total_seconds() - away)
