"""How many connections the process may have: each takes a file descriptor."""

from __future__ import annotations

import logging
import resource

from vatwatch.counting import counted

log = logging.getLogger(__name__)

# Connections beside those of the stream, which have room of their own: gunicorn's default.
OTHER_CONNECTIONS = 1000
# Files, Redis, the feed, the hub: far more than are ever open.
OWN_DESCRIPTORS = 180


def descriptors_needed(streams: int, database: int) -> int:
    """How many the service needs, with so many clients of the stream and connections to the
    database."""
    return streams + _beside_streams(database)


def room_for_streams(wanted: int, database: int) -> int:
    """How many clients of the stream there is room for, beside all else.

    `database`: its connections. The process may have more open files than it has at first, if its
    hard limit allows that (many systems begin with 1,024). If there is no room for all, other
    requests keep half of it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = descriptors_needed(wanted, database)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    room = room_within(soft, wanted, database)
    log.warning(
        "Only %s may follow the stream, not %d (VATWATCH_STREAM_CLIENTS): the process may "
        "have %s. Raise the limit (ulimit -n, LimitNOFILE) to %d.",
        counted(room, "client"),
        wanted,
        counted(soft, "open file"),
        needed,
    )
    return room


def room_within(limit: int, wanted: int, database: int) -> int:
    """The same within a limit that is given."""
    return min(wanted, max(limit - _beside_streams(database), limit // 2))


def _beside_streams(database: int) -> int:
    return OTHER_CONNECTIONS + database + OWN_DESCRIPTORS
