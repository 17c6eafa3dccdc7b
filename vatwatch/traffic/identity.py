"""Ids that are computed from what they name, so that the API has them before the database.

A flight is one pilot (`cid`) under one callsign since one `logon_time`;
a session is the same for a controller. See docs/decisions/0003-computed-ids.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TypeVar
from unicodedata import normalize
from uuid import UUID, uuid5

T = TypeVar("T")

# After a restart of the data server the logon times of running connections are rewritten to whole
# seconds, so two of them that differ by this much are one.
LOGON_TOLERANCE = timedelta(seconds=2)

# Any UUID; that of the events that follow from snapshots.
_EVENTS = UUID("6f0c3f0e-5d5f-5c86-9a3e-6f1b1f6f7e11")


def stable_id(*parts: object) -> int:
    """A positive 63-bit integer (PostgreSQL's bigint), always the same for the same parts."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def connection_id(kind: str, cid: int, callsign: str, logon_time: datetime) -> int:
    """The id of a flight or session; `logon_time` to the second, as its fraction may be cut."""
    return stable_id(kind, cid, callsign, logon_time.replace(microsecond=0).isoformat())


def later_id(kind: str, of_connection: int, first_seen: datetime) -> int:
    """The id of a later flight or session on one connection, which gave its id to the first."""
    return stable_id(kind, of_connection, first_seen.isoformat())


def may_have_ended(last: datetime | None, logon: datetime, window: timedelta) -> bool:
    """Whether a connection of which nothing is known may have had a flight or session that is over.

    Args:
        last: the snapshot before; None for the first one
        logon: who logged on so long before it has been shown and has ended, or was never shown
        window: the one within which it would have gone on
    """
    return last is not None and last - logon > window


def event_id(correlation_id: str, event_type: str, subject: str) -> UUID:
    """The id of an event that follows from a snapshot: derived twice, it is the same event."""
    return uuid5(_EVENTS, f"{correlation_id}\x1f{event_type}\x1f{subject}")


def find_callsign(known: Mapping[str, T], callsign: str) -> T | None:
    """What is known under a callsign: these characters, or else the same without regard to case.

    Characters that Unicode writes in two ways are the same. None if there is nothing, or if several
    differ by case only and none is meant exactly.
    """
    found = known.get(callsign)
    if found is not None:
        return found
    if (
        callsign.isascii()
    ):  # as nearly all are; two thousand are compared in a tenth of a millisecond
        length, capitals = len(callsign), callsign.upper()
        alike = [
            one
            for other, one in known.items()
            if len(other) == length and other.upper() == capitals
        ]
    else:
        wanted = _folded(callsign)
        alike = [one for other, one in known.items() if _folded(other) == wanted]
    return alike[0] if len(alike) == 1 else None


def _folded(callsign: str) -> str:
    return normalize("NFC", callsign).casefold()


def same_logon(one: datetime, other: datetime) -> bool:
    """Whether two logon times name one connection."""
    return abs(one - other) <= LOGON_TOLERANCE
