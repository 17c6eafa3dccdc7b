"""The live path: what the network looks like now, as the newest fetched snapshot shows it.

`processor.py` explains why there are two paths; `durable_path.py` is the other one.
"""

from __future__ import annotations

from datetime import datetime

from vatwatch.feed.records import Feed
from vatwatch.messages import LiveChanged
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import ComparedSnapshot


class LivePath:
    """The newest known state of the network, and where it comes from.

    It holds values only: it sends nothing, waits for nothing and reads no clock. The processor
    calls it from its own greenlet. Entry ids are the journal's, which rise by one a snapshot; 0
    stands for none.
    """

    def __init__(self) -> None:
        self.state: NetworkState | None = None
        """None until a snapshot, the database or the journal gives one."""
        self.feed: Feed | None = None
        """The newest snapshot's records, filtered; None if the database gave the state."""
        self.recovered = False
        """Whether the state is from before the start, and the feed has not confirmed it since."""
        self.fetched = False
        """Whether this process has fetched it, as far as the journal has announced it."""
        self.entry_id = 0

    def has_seen(self, entry_id: int) -> bool:
        """Whether this entry or a later one is live already.

        The journal announces each entry, and also hands it out to a processor that catches up, so
        the message about an entry may come after the entry itself.
        """
        return entry_id <= self.entry_id

    def announce(self, entry_id: int) -> bool:
        """The journal announces an entry that is live already, or older: it was fetched just now.

        Returns:
            Whether it is the live one, and that was not known.
        """
        is_news = entry_id == self.entry_id and not self.fetched
        self.fetched = self.fetched or is_news
        return is_news

    def without_recovered(self, entry_id: int) -> LivePath:
        """The live path as if this entry had not been found in the journal.

        An entry that is announced is new, even if it was found there before the message came.
        """
        return LivePath() if self.recovered and entry_id == self.entry_id else self

    def shows(self, time: datetime) -> bool:
        """Whether the live state has exactly this feed time: then nothing has changed."""
        return self.state is not None and self.state.time == time

    def wants(self, entry_id: int, time: datetime) -> bool:
        """Whether an entry that the journal has handed out is to be live.

        One that has come late from another node is not: it is only stored. (If it is the feed's
        clock that went back, the journal announces the entry, too.)
        """
        is_late = self.state is not None and self.state.time is not None and self.state.time > time
        return not self.has_seen(entry_id) and not is_late

    def state_before(self, time: datetime) -> NetworkState:
        """What a snapshot of this feed time is to be compared with.

        The live state; or an empty one if nothing is known, or if the live state is later (then
        this is another source, whose clock is behind). The durable path then asks the database what
        was known.
        """
        if self.state is None or self.state.time is None or self.state.time > time:
            return NetworkState()
        return self.state

    def confirm(self, entry_id: int, feed: Feed) -> None:
        """The feed was fetched again and still shows the live state's snapshot."""
        self.entry_id, self.feed = entry_id, feed
        self.recovered, self.fetched = False, True

    def follow(self, entry_id: int, compared: ComparedSnapshot, *, fetched: bool) -> None:
        """Take a snapshot that comes after the live one, or is the first one known.

        `fetched`: it was announced. Else it waited in the journal, perhaps from before the start.
        """
        self._take(entry_id, compared)
        self.recovered, self.fetched = False, fetched

    def recover(self, entry_id: int, compared: ComparedSnapshot) -> None:
        """Use the journal's newest snapshot, which may be old, until a newer one comes."""
        self._take(entry_id, compared)
        self.recovered, self.fetched = True, False

    def refine(self, compared: ComparedSnapshot) -> None:
        """Take the durable path's view of the live snapshot.

        Where the live path started from nothing, the durable one may know more: the ids and the
        first connections of flights that were online before.
        """
        self._take(self.entry_id, compared)

    def join(self, durable: NetworkState) -> bool:
        """Use the durable state, which has caught up with all entries, if it fits.

        Returns:
            Whether there was no live state before, so that it is to be shown.
        """
        if self.state is None:
            self.state, self.recovered, self.fetched = durable, True, False
            return True
        if self.state.time == durable.time:
            self.state = durable
        return False

    def shown(self, areas: KnownAreas) -> LiveChanged | None:
        """What the cache must serve, with the areas in use; None while nothing is known."""
        if self.state is None or self.state.time is None:
            return None
        return LiveChanged(
            self.state, self.feed, self.recovered, self.fetched, self.entry_id or None, areas
        )

    def _take(self, entry_id: int, compared: ComparedSnapshot) -> None:
        self.state = compared.state
        self.feed = compared.decoded.snapshot.feed
        self.entry_id = entry_id
