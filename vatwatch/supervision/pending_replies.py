"""Pending replies: asks that an actor must still answer after their handlers returned."""

from __future__ import annotations

from typing import Any

from vatwatch.errors import ActorUnavailable, TooManyQuestions
from vatwatch.supervision.failures import describe_error
from vatwatch.supervision.message import correlation_of
from vatwatch.supervision.notices import AskFailed
from vatwatch.supervision.protocols import Node
from vatwatch.supervision.reply import Reply


class PendingReplies:
    """The pending replies of one incarnation. Each gets an answer, at least an error when the actor
    dies."""

    __slots__ = ("_messages", "_node")

    def __init__(self, node: Node) -> None:
        self._node = node
        # The ask of each reply; None if the actor died while handling it.
        self._messages: dict[Reply[Any], Any] = {}

    def take_over(self, reply: Reply[Any], message: Any) -> None:
        """The actor will answer `message` later (`Actor.reply_later`)."""
        self._messages[reply] = message
        reply.when_answered(self._answered)

    def cut_off(self, reply: Reply[Any]) -> None:
        """Note that the actor dies while it handles the ask of this reply."""
        self._messages.setdefault(reply, None)

    def handler_failed(self, reply: Reply[Any], message: Any, error: Exception) -> None:
        """Fail the ask, because its handler raised: the asker gets the error, and observers are
        told."""
        self._messages.pop(reply, None)
        reply.when_answered(None)
        self._report(reply, message, error)
        reply.fail(error)

    def fail_all(self, cause: BaseException | None) -> None:
        """Fail all asks that are left with `ActorUnavailable`, because the actor has ended."""
        messages, self._messages = self._messages, {}
        for reply in messages:
            unavailable = ActorUnavailable(f"{self._node.path}: ended before it answered")
            unavailable.__cause__ = cause
            reply.fail(unavailable)

    def _answered(self, reply: Reply[Any], error: BaseException | None) -> None:
        message = self._messages.pop(reply, None)
        if message is not None and error is not None:
            self._report(reply, message, error)

    def _report(self, reply: Reply[Any], message: Any, error: BaseException) -> None:
        if isinstance(error, TooManyQuestions):
            return  # not a failure of the actor, and as frequent as questions are
        self._node.asks_failed += 1
        self._node.runtime.observers.notify(
            AskFailed(
                path=self._node.path,
                message_type=type(message).__name__,
                correlation_id=correlation_of(message) or reply.request_id,
                **describe_error(error),
            )
        )
