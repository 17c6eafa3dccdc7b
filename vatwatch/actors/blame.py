"""Blame: which failures are the fault of the snapshot that an actor has in hand.

An actor that fails with a snapshot in hand counts it against the journal entry (`SnapshotFailed`):
where it catches the failure, or else in `on_crash`. Failures that say nothing about the snapshot
are never counted: a database, a mailbox or an actor that is away for a while, an injected fault, a
stop by order.
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
