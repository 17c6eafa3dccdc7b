"""Who is in a feed although the record cannot be read.

Presence and readability are different: a flight does not end because the network sends something
new in its record.
"""

from __future__ import annotations

from msgspec import Struct


class Unread(Struct, frozen=True, gc=False):
    """Of one list: the records that are there and could not be read.

    `named` are those that tell who they are, by cid (None if it cannot be read) and callsign (empty
    if it cannot be read); `nameless` is how many do not. `whole`: the list itself is missing, null
    or no list, so nobody knows who is there.
    """

    named: frozenset[tuple[int | None, str]] = frozenset()
    nameless: int = 0
    whole: bool = False

    def shows(self, cid: int, callsign: str) -> bool:
        """Whether this client is certainly among them (`whole` or by name)."""
        if self.whole:
            return True
        if not self.named:
            return False
        return not self.named.isdisjoint(((cid, callsign), (None, callsign), (cid, "")))


NOBODY = Unread()


class UnreadLists(Struct, frozen=True, gc=False):
    """The unread records of each list of people."""

    pilots: Unread = NOBODY
    controllers: Unread = NOBODY
    atis: Unread = NOBODY
    prefiles: Unread = NOBODY
