"""Blame: which failures are the fault of the snapshot that an actor has in hand.

A snapshot that makes any actor fail is counted against its journal entry (`SnapshotFailed`), by
whoever had it in hand: when the failure could be caught, and else in `on_crash`. What says nothing
about the snapshot is never counted: a database, a mailbox or an actor that is away for a while, a
failure that somebody has ordered, the end of an actor by its supervisor's order.
"""

from __future__ import annotations

from gevent import GreenletExit

from vatwatch.errors import (
    ActorUnavailable,
    AskTimeout,
    BreakerOpen,
    InjectedFault,
    JournalError,
    MailboxFull,
    StorageError,
)
from vatwatch.supervision import ExitReason

# These blame no snapshot. SupervisionError is not listed whole: a hang may be a snapshot's fault.
WEATHER: tuple[type[BaseException], ...] = (
    ActorUnavailable,
    AskTimeout,
    BreakerOpen,
    GreenletExit,
    InjectedFault,
    JournalError,
    MailboxFull,
    StorageError,
)


def is_to_blame(error: BaseException, ended_by: ExitReason | None) -> bool:
    """Whether an actor that ends like this ends because of what it has in hand."""
    return ended_by in ("crash", "hang") and not isinstance(error, WEATHER)
