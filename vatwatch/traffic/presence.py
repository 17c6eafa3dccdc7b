"""Who is there although a snapshot does not show them: their records could not be read."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import NamedTuple, TypeVar

from vatwatch.feed.unread import Unread

T = TypeVar("T")


class Known(NamedTuple):
    """What tells who a known flight, session, ATIS or prefile is, and when it was last read."""

    cid: int
    callsign: str
    last_updated: str


def still_there(
    missing: Iterable[T], unread: Unread, shown: Container[str], *, key: Callable[[T], Known]
) -> list[T]:
    """Of those that a snapshot does not show, those who are in it all the same.

    These are the ones that an unreadable record names, and as many others as there are records that
    name nobody: a few of them may really have left, but none ends because of a record that cannot
    be read. First among those come the ones that were read longest ago, so that they are the same
    ones from snapshot to snapshot. `shown` are the callsigns that somebody has now.
    """
    there: list[T] = []
    others: list[T] = []
    for one in missing:
        known = key(one)
        if known.callsign in shown:
            continue
        (there if unread.shows(known.cid, known.callsign) else others).append(one)
    if unread.nameless:
        others.sort(key=lambda one: key(one).last_updated)
        there += others[: unread.nameless]
    return there
