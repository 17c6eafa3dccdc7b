"""To the processor: what the journal has, and what became of its batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from vatwatch.feed.correlation import correlation_id_of
from vatwatch.messages.shared import (
    AreasChanged,
    BatchInvalid,
    BatchStored,
    CacheStarted,
    SettingsChanged,
    StoreStarted,
)
from vatwatch.supervision import Tell


@dataclass(frozen=True, slots=True)
class SnapshotJournaled(Tell):
    """journal → processor: this is durable, look at it."""

    entry_id: int
    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str

    @property
    def correlation_id(self) -> str:
        """The snapshot's. Raises FeedError if the bytes have none."""
        return correlation_id_of(self.data)


@dataclass(frozen=True, slots=True)
class EntrySkipped(Tell):
    """journal → processor: a later entry is stored, this one is not.

    (Entries are stored in their order: a message about it is lost, or the database has lost it.)
    """

    entry_id: int


@dataclass(frozen=True, slots=True)
class BatchOutOfSequence(Tell):
    """store → processor: this batch was derived from another past; it and all after it are void."""

    entry_id: int
    reason: str


ToProcessor: TypeAlias = (
    SnapshotJournaled
    | EntrySkipped
    | BatchOutOfSequence
    | CacheStarted
    | BatchStored
    | BatchInvalid
    | StoreStarted
    | SettingsChanged
    | AreasChanged
)
