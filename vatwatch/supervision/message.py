"""The two kinds of message that actors exchange; the type says how a failure travels."""

from __future__ import annotations

from typing import Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Tell:
    """Not answered. If handling it fails, the actor fails and its supervisor acts.

    Subclasses are frozen dataclasses with slots. A message may have a property `correlation_id` (a
    text) that names what it belongs to; a failure then shows it.
    """

    __slots__ = ()


class BestEffort(Tell):
    """A message for watchers. The sender never waits for room and never fails because of it. A full
    mailbox refuses it and counts that (`MailboxInfo.refused`).
    """

    __slots__ = ()


class Latest(BestEffort):
    """A message of which only the latest matters: it replaces one that still waits.

    So it is never refused: a mailbox holds at most one of each topic.
    """

    __slots__ = ()

    @property
    def topic(self) -> str:
        """Its subject. There must be only a few, since each has a place in the mailbox."""
        return ""


class Probe:
    """Asks an actor for its state. Bypasses a full mailbox; answered by `Actor.on_probe`
    (`Address.probe`)."""

    __slots__ = ()


class Ask(Generic[R_co]):
    """Answered with an `R_co`, in time or not at all. If it fails, the asker gets the error.

    Handling that raises an `Exception` costs the actor nothing; observers are told (`AskFailed`).
    Subclasses are frozen dataclasses with slots, and may have a `correlation_id` as a `Tell` has.
    """

    __slots__ = ()


def correlation_of(message: object) -> str:
    """The correlation id of a message, if it has one. Never raises."""
    try:
        return str(getattr(message, "correlation_id", ""))
    except Exception:  # noqa: BLE001 - it is asked only when something has failed already
        return ""
