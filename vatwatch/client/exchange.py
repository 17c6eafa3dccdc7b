"""One question and its answer: what is sent, tried again and kept, without any connection.

It is written once, as generators that say what is to be done next (`Send`, `Pause`) and are given
what came of it. `Client` does that at once, and `AsyncClient` awaits it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vatwatch.client.failures import ConnectionCut, NotUnderstood, ProblemReceived, retry_after_s

# The answer "ask again later": too many requests, and unavailable for now.
LATER = (429, 503)
# How long to wait where no `Retry-After` was sent, and at least: a date may be past already.
PAUSE_S, LEAST_PAUSE_S = 1.0, 0.1
# The answers that are kept to be asked for by their tags. All flights of a busy evening are 5 MB.
KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Send:
    """To do: a request. The answer is an `Answered`, or a NoAnswer is raised."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """To do: nothing, for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered with. The names of headers may be asked in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Steps: TypeAlias = Generator[Send | Pause, Answered | None, Answered]


class KeptAnswers:
    """The latest answers that have a tag: an unchanged one need not be sent again."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[object, Answered] = OrderedDict()

    def get(self, key: object) -> Answered | None:
        """The one that was kept."""
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    def put(self, key: object, answer: Answered) -> None:
        """Keep it, and drop those that were asked for longest ago where there is no room."""
        self._drop(key)
        if answer.headers.get("ETag") and len(answer.body) <= self._most_bytes:
            self._answers[key] = answer
            self._bytes += len(answer.body)
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._answers)))

    def _drop(self, key: object) -> None:
        old = self._answers.pop(key, None)
        self._bytes -= len(old.body) if old is not None else 0


def get(send: Send, kept: KeptAnswers, patience_s: float) -> Steps:
    """Ask; an unchanged answer is the kept one.

    Raises:
        ProblemReceived, NoAnswer
    """
    key = (send.path, *sorted(send.params.items()), send.headers.get("Accept"))
    known = kept.get(key)
    if known is not None:
        headers = {**send.headers, "If-None-Match": known.headers["ETag"]}
        send = Send(send.method, send.path, send.params, headers)
    try:
        answer = yield from ask(send, LATER, patience_s)
    except ConnectionCut:
        # A connection that was kept open is closed by the other side at any moment.
        answer = yield from ask(send, LATER, patience_s)
    if answer.status == 304 and known is not None:
        return known
    if answer.status != 200:
        raise ProblemReceived(answer.status, answer.headers, answer.body)
    kept.put(key, answer)
    return answer


def change(send: Send, patience_s: float) -> Steps:
    """Order something. What was refused by 429 was not done; of a 503 that is not certain.

    Raises:
        ProblemReceived, NoAnswer
    """
    answer = yield from ask(send, (429,), patience_s)
    if not 200 <= answer.status < 300:
        raise ProblemReceived(answer.status, answer.headers, answer.body)
    return answer


def ask(send: Send, later: tuple[int, ...], patience_s: float) -> Steps:
    """Ask, and again when the answer says later, for as long as the pauses fit into `patience_s`.

    Raises:
        NoAnswer
    """
    while True:
        answer = yield send
        assert answer is not None  # of a Send
        if answer.status not in later:
            return answer
        said_s = retry_after_s(answer.headers.get("Retry-After"))
        pause_s = PAUSE_S if said_s is None else max(said_s, LEAST_PAUSE_S)
        if pause_s > patience_s:
            return answer
        patience_s -= pause_s
        yield Pause(pause_s)


def decoded(answer: Answered) -> Any:
    """The JSON document of an answer; None of an empty one.

    Raises:
        NotUnderstood: it is something else
    """
    if not answer.body:
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        kind = answer.headers.get("Content-Type", "no media type")
        raise NotUnderstood(f"the answer is not JSON ({kind}): is this vatwatch?") from None
