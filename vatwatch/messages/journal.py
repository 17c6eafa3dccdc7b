"""To the journal: keep these bytes, hand them out, and the outcome of each entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from vatwatch.feed.clock import Moment
from vatwatch.feed.correlation import correlation_id_of
from vatwatch.messages.processor import SnapshotJournaled
from vatwatch.messages.shared import BatchInvalid, BatchStored, SettingsChanged
from vatwatch.supervision import Ask, Tell


@dataclass(frozen=True, slots=True)
class AppendSnapshot(Ask[int]):
    """fetcher, replay, handover → journal: make this durable. Answered with the entry's id;
    JournalFull."""

    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str
    is_late: bool = False
    """Another node has fetched it, some time ago: it is to be stored, and is not what is live."""

    @property
    def correlation_id(self) -> str:
        """The snapshot's. Raises FeedError if the bytes have none."""
        return correlation_id_of(self.data)


@dataclass(frozen=True, slots=True)
class HoldSnapshot(Ask[bool]):
    """fetcher → journal: make this durable, but do not hand it out: its clock is in doubt.

    Answered with whether it was held: False if an update of that time is kept already. JournalFull.
    """

    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str


@dataclass(frozen=True, slots=True)
class ReleaseHeld(Ask[None]):
    """fetcher, handover → journal: hand out the held updates of these times, in this order.
    JournalError."""

    times: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class GetHeld(Ask[tuple[Moment, ...]]):
    """handover → journal: the clocks of the held updates, in the order in which they were fetched.
    JournalError."""


@dataclass(frozen=True, slots=True)
class QuarantineHeld(Ask[None]):
    """fetcher → journal: the held updates of these times were of a wrong clock. JournalError."""

    times: tuple[datetime, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class RejectSnapshot(Tell):
    """fetcher → journal: this has no valid time, so it goes to quarantine."""

    fetched_at: datetime
    data: bytes
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class KnownClock:
    """What the journal knows about the feed's clock."""

    followed: tuple[Moment, ...]
    """The newest update that was handed out; empty if there is none."""
    held: tuple[Moment, ...]
    """Held updates, in the order in which they were fetched."""


@dataclass(frozen=True, slots=True)
class FindFeedClock(Ask[KnownClock]):
    """fetcher → journal: which updates were kept last? JournalError."""


@dataclass(frozen=True, slots=True)
class NextPending(Ask[SnapshotJournaled | None]):
    """processor, handover → journal: the oldest entry after this one that is not committed."""

    after_entry_id: int


@dataclass(frozen=True, slots=True)
class LastEntry(Ask[SnapshotJournaled | None]):
    """processor → journal: the newest entry, committed or not."""


class ArchivedEntry(NamedTuple):
    """An entry that the database has had."""

    entry_id: int
    update_timestamp: datetime


@dataclass(frozen=True, slots=True)
class ArchivedEntries(Ask[tuple[ArchivedEntry, ...]]):
    """refill → journal: the newest archived entries, the newest first. JournalError."""

    before_id: int | None
    """Only older ones than this."""
    limit: int


@dataclass(frozen=True, slots=True)
class StoreAgain(Ask[int]):
    """refill → journal: the database has lost these archived entries: hand them out again.

    Answered with how many of the first ones are pending now, or gone: the others must wait until
    there is room. JournalError.
    """

    entry_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SnapshotFailed(Tell):
    """every service → journal: this entry made me fail. After too many failures it is quarantined.

    Sent once for each failure, by the actor that was working on the entry, whether it continues or
    dies. Never sent for failures that are not about the entry: a database that is away, a stop.
    """

    entry_id: int
    by: str
    """The service."""
    error: str


@dataclass(frozen=True, slots=True)
class EvictArchive(Tell):
    """resource_monitor → journal: delete so many bytes of the archive, oldest first; None: all but
    one entry."""

    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class KeepArchive(Tell):
    """resource_monitor → journal: whether committed entries are kept in the archive."""

    keep: bool


@dataclass(frozen=True, slots=True)
class CleanJournal(Tell):
    """resource_monitor → journal: delete half-written files and empty folders."""


ToJournal: TypeAlias = (
    AppendSnapshot
    | HoldSnapshot
    | ReleaseHeld
    | QuarantineHeld
    | RejectSnapshot
    | FindFeedClock
    | GetHeld
    | NextPending
    | LastEntry
    | ArchivedEntries
    | StoreAgain
    | SnapshotFailed
    | EvictArchive
    | KeepArchive
    | CleanJournal
    | BatchStored
    | BatchInvalid
    | SettingsChanged
)
