"""What the journal's actor has its thread do: messages become calls, on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vatwatch.messages import ArchivedEntry
from vatwatch.storage.journal_files import time_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from vatwatch.messages import (
        AppendSnapshot,
        ArchivedEntries,
        HoldSnapshot,
        RejectSnapshot,
        StoreAgain,
    )
    from vatwatch.storage.journal import Journal

T = TypeVar("T")

# Of the bound, for entries that the database has lost: what is fetched meanwhile needs room, too.
AGAIN_SHARE = 0.25


def keep(write: Callable[..., T], message: AppendSnapshot | HoldSnapshot) -> T:
    """Call `Journal.append` or `HeldEntries.hold` with what the message brings."""
    return write(
        update_timestamp=message.update_timestamp,
        fetched_at=message.fetched_at,
        data=message.data,
        transceivers=message.transceivers,
        source=message.source,
    )


def reject(journal: Journal, message: RejectSnapshot) -> None:
    """As `Journal.reject`."""
    journal.reject(
        message.reason,
        fetched_at=message.fetched_at,
        data=message.data,
        source=message.source,
    )


def archived(journal: Journal, question: ArchivedEntries) -> tuple[ArchivedEntry, ...]:
    """With the times in the files: their names have no fraction of a second. One that cannot be
    read is left out."""
    return tuple(
        ArchivedEntry(info.id, time)
        for info in journal.archived(question.before_id, question.limit)
        if (time := time_in(info.path)) is not None
    )


def store_again(journal: Journal, message: StoreAgain) -> int:
    """How many of the first ones are pending now, or gone. Raises OSError: the disk refuses one."""
    for done, entry_id in enumerate(message.entry_ids):
        if journal.stats().pending_bytes > AGAIN_SHARE * journal.max_bytes:
            return done
        journal.take_back(entry_id)
    return len(message.entry_ids)
