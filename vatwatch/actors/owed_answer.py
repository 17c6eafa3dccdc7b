"""Owed answer: what the store was sent last, and whether its answer is still waited for.

Event bus, error manager and alerter use it. The store holds only the latest message of each, so the
same content can be sent again at any time. One message at a time is on its way.
"""

from __future__ import annotations

from time import monotonic
from typing import Generic, TypeVar

M = TypeVar("M")

# A transaction takes milliseconds. After this time the message or its answer is lost, or the store
# waits for the database; then the new message replaces the old one.
RESEND_S = 5.0


class OwedAnswer(Generic[M]):
    """Of one sender."""

    def __init__(self, resend_s: float = RESEND_S) -> None:
        """`resend_s`: how long an answer is waited for."""
        self._resend_s = resend_s
        self._message: M | None = None
        self._sent_at = 0.0

    @property
    def is_awaited(self) -> bool:
        """Whether an answer is still due. If not, the next message may be sent."""
        return self._message is not None and monotonic() - self._sent_at < self._resend_s

    def sent(self, message: M) -> None:
        """Note that this was sent to the store."""
        self._message, self._sent_at = message, monotonic()

    def take(self, written: M) -> None:
        """Note an answer. Only the answer to the latest message ends the wait."""
        if written is self._message:
            self._message = None

    def give_up(self) -> None:
        """The store has restarted and holds nothing: no answer will come."""
        self._message = None
