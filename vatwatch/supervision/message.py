"""The two kinds of message that actors exchange; the type says how a failure travels."""

from __future__ import annotations

from typing import Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Tell:
    """Not answered. If handling it fails, the actor fails and its supervisor acts.

    Subclasses are frozen dataclasses with slots. One that belongs to something larger may name it
    by a property `correlation_id`, a text: a failure then shows what else belongs to it.
    """

    __slots__ = ()


class BestEffort(Tell):
    """News for watchers. The sender never waits for room, and never fails because of it.

    A mailbox without room refuses it and counts that (`MailboxInfo.refused`).
    """

    __slots__ = ()


class Latest(BestEffort):
    """News of which only the latest counts: it takes the place of one that still waits.

    So it is never refused: a mailbox holds at most one of each topic.
    """

    __slots__ = ()

    @property
    def topic(self) -> str:
        """What it is news of. One of a few: each has a place in the mailbox."""
        return ""


class Probe:
    """How are you? Gets past a full mailbox; answered by `Actor.on_probe` (`Address.probe`)."""

    __slots__ = ()


class Ask(Generic[R_co]):
    """Answered with an `R_co`, in time or not at all. If it fails, the asker gets the error.

    Handling that raises an `Exception` costs the actor nothing; observers are told (`AskFailed`).
    Subclasses are frozen dataclasses with slots, and may have a `correlation_id` as a `Tell` has.
    """

    __slots__ = ()


def correlation_of(message: object) -> str:
    """What the message says that it belongs to, if anything. Nothing here raises."""
    try:
        return str(getattr(message, "correlation_id", ""))
    except Exception:  # noqa: BLE001 - it is asked only when something has failed already
        return ""
