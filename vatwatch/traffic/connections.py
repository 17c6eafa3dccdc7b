"""Connections: what flights and sessions have in common.

The rules of identity, as the feed was seen to behave:

- The same cid and callsign with the same logon time, give or take two seconds, is one connection.
- With a new logon time, no later than the reconnect window after it was last seen, it is a
  reconnect: the same flight or session goes on. Another callsign is another flight, also on one
  connection.
- What is gone stays *away* for the window, then it has ended.
- Who is in the feed with a record that cannot be read has not gone: the flight or session goes on
  as it was last read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from vatwatch.feed.unread import Unread
from vatwatch.traffic.changes import FlightChanges, SessionChanges
from vatwatch.traffic.identity import same_logon
from vatwatch.traffic.network_state import Flight, Session


def continues(known: Flight | Session, logon: datetime, window: timedelta) -> bool:
    """Whether a connection that began at `logon` belongs to what is known."""
    if same_logon(known.connection_logon, logon) or same_logon(known.logon_time, logon):
        return True
    return not known.seen_in_later_snapshot and logon - known.last_seen <= window


def leave(
    out: FlightChanges | SessionChanges,
    gone: list[Flight] | list[Session],
    away: dict[tuple[int, str], Flight] | dict[tuple[int, str], Session],
    time: datetime,
    window: timedelta,
    unread: Unread,
) -> None:
    """Sort out who has left just now, and who has been away for longer than the window."""
    returned = {who(one) for one in out.returned}
    out.gone.extend(gone)  # type: ignore[arg-type]  # flights go with flights
    leavers = [one for one in away.values() if who(one) not in returned]
    for one in (*leavers, *gone):
        if (
            time - one.last_seen > window
            and not one.seen_in_later_snapshot
            and not unread.shows(*who(one))
        ):
            out.ended.append(one)


def who(one: Flight | Session) -> tuple[int, str]:
    """Who flies or controls: cid and callsign."""
    record = one.pilot if isinstance(one, Flight) else one.controller
    return (record.cid, record.callsign)
