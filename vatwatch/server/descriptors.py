"""How many connections the process may have: each takes a file descriptor."""

from __future__ import annotations

import logging
import resource

from vatwatch.counting import counted

log = logging.getLogger(__name__)

# Files, the database, Redis, the hub: far more than are ever open.
OWN_DESCRIPTORS = 200


def room_for_streams(wanted: int, others: int) -> int:
    """How many clients of the stream there is room for, beside so many other connections.

    The process may have more open files than it has at first, if its hard limit allows that (many
    systems begin with 1,024). If there is no room for all, other requests keep half of it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + others + OWN_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    room = min(wanted, max(soft - others - OWN_DESCRIPTORS, soft // 2))
    log.warning(
        "Only %s may follow the stream, not %d (VATWATCH_STREAM_CLIENTS): the process may "
        "have %s. Raise the limit (ulimit -n, LimitNOFILE) to %d.",
        counted(room, "client"),
        wanted,
        counted(soft, "open file"),
        needed,
    )
    return room
