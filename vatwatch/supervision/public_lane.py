"""Public lane: asks from outside the tree (HTTP) that wait for one actor."""

from __future__ import annotations

from collections import deque

from vatwatch.errors import ActorUnavailable, TooManyQuestions
from vatwatch.supervision.envelope import Question

# A client over HTTP waits for 5 s at most, and an actor gives the public lane at least every second
# turn: with more than this many in line, a handler of 10 ms would answer the last one too late.
PUBLIC_CAPACITY = 256
# Seconds after which all present askers have been answered or have given up.
PUBLIC_RETRY_S = 5.0


class PublicLane:
    """At most `PUBLIC_CAPACITY` questions, and at most every second turn of the actor."""

    __slots__ = ("_its_turn", "questions", "refused")

    def __init__(self) -> None:
        self.questions: deque[Question] = deque()
        """Always the same deque: the mailbox reads it and removes withdrawn asks."""
        self.refused = 0
        self._its_turn = True

    def put(self, question: Question) -> None:
        """Put an ask at the end.

        Raises:
            TooManyQuestions: no room, even after removing asks whose askers have gone
        """
        if len(self.questions) >= PUBLIC_CAPACITY:
            self._sort_out()
        if len(self.questions) >= PUBLIC_CAPACITY:
            self.refused += 1
            text = f"{PUBLIC_CAPACITY} questions are waiting already"
            raise TooManyQuestions(text, PUBLIC_RETRY_S)
        self.questions.append(question)

    def take(self, *, others_wait: bool) -> Question | None:
        """The next ask whose asker still waits; None if there is none, or if it is the normal
        lane's turn."""
        if others_wait and not self._its_turn:
            self._its_turn = True
            return None
        self._its_turn = False
        while self.questions:
            question = self.questions.popleft()
            if not question.is_void():
                return question
            _drop(question)
        return None

    def _sort_out(self) -> None:
        for _ in range(len(self.questions)):
            question = self.questions.popleft()
            if question.is_void():
                _drop(question)
            else:
                self.questions.append(question)


def _drop(question: Question) -> None:
    assert question.reply_to is not None
    question.reply_to.fail(ActorUnavailable("the asker has gone"))
