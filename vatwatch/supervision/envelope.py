"""Envelope: a message on its way through a mailbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from vatwatch.supervision.message import Latest
from vatwatch.supervision.reply import Reply
from vatwatch.supervision.vocabulary import UndeliverableReason


class Envelope:
    """A message and, for an ask, its reply. Pykka's own envelope has the same two fields."""

    __slots__ = ("message", "reply_to", "request_id")

    def __init__(
        self, message: Any, reply_to: Reply[Any] | None = None, request_id: str = ""
    ) -> None:
        self.message = message
        self.reply_to = reply_to
        self.request_id = request_id

    @property
    def sent_for(self) -> str:
        """The id of the HTTP request that it was sent for, if any: an ask's is in its reply."""
        return self.request_id if self.reply_to is None else self.reply_to.request_id


class Due(Envelope):
    """A timer's message to the actor that set it; fault injection never drops it."""

    __slots__ = ()


class News(Envelope):
    """The slot of a topic: its message is replaced while it waits (`message.Latest`)."""

    __slots__ = ("topic",)

    def __init__(self, message: Latest, request_id: str = "") -> None:
        super().__init__(message, None, request_id)
        self.topic: tuple[type[Latest], str] = (message.__class__, message.topic)


class Question(Envelope):
    """An ask from outside the tree. Its asker may go away without notice."""

    __slots__ = ("asker_is_gone",)

    def __init__(
        self,
        message: Any,
        reply_to: Reply[Any],
        asker_is_gone: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(message, reply_to)
        self.asker_is_gone = asker_is_gone

    def is_void(self) -> bool:
        """Whether the asker has gone."""
        assert self.reply_to is not None
        return self.reply_to.abandoned or (self.asker_is_gone is not None and self.asker_is_gone())


class Undeliverable(Protocol):
    """What to do with an envelope that nobody will handle."""

    def __call__(self, envelope: Envelope, reason: UndeliverableReason) -> None: ...  # noqa: D102
