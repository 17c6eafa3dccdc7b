"""The two kinds of message that actors exchange; the type says how a failure travels."""

from __future__ import annotations

from typing import Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Tell:
    """Not answered. If handling it fails, the actor fails and its supervisor acts.

    Subclasses are frozen dataclasses with slots.
    """

    __slots__ = ()


class Probe:
    """How are you? Gets past a full mailbox; answered by `Actor.on_probe` (`Address.probe`)."""

    __slots__ = ()


class Ask(Generic[R_co]):
    """Answered with an `R_co`, in time or not at all. If it fails, the asker gets the error.

    Handling that raises an `Exception` costs the actor nothing; observers are told (`AskFailed`).
    Subclasses are frozen dataclasses with slots.
    """

    __slots__ = ()
