"""Where a client is in the stream, and how it comes back; without any connection."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping

from vatwatch.client.failures import NoAnswer, NotUnderstood, ProblemReceived
from vatwatch.client.sse import MessageTooLong, ServerSentParser
from vatwatch.client.state import Present, StreamMessage

log = logging.getLogger("vatwatch.client")

MEDIA_TYPE = "text/event-stream"
# The service sends a heartbeat after 15 s of silence, give or take a fifth. Two may be late.
SILENCE_S = 45.0
# Until the service says something else by `retry:`, it is what browsers wait.
RETRY_S = 3.0
# The pauses grow up to this: a service is restarted within a minute or two.
MOST_PAUSE_S = 60.0
# What a `Retry-After` may ask for at most; a maintenance of hours is asked for now and then.
MOST_SAID_S = 300.0
# Refusals that pass, as they do not depend on what was asked.
PASSING = (408, 425, 429, 500, 502, 503, 504)
# The kinds of messages that must be read. Others may be anything: they are of later versions.
READ = ("snapshot", "delta", "event", "status")


class Unreadable(Exception):
    """A message is no JSON: the connection is of no use any more."""


class Following:
    """A place in the stream, over all connections."""

    def __init__(
        self,
        last_id: str,
        keep: Present | None,
        give_up_after_s: float | None,
        *,
        now: Callable[[], float] = time.monotonic,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        """
        Args:
            last_id: where to go on; empty: with a snapshot
            keep: is kept up to date
            give_up_after_s: after so long without a connection that tells anything; None: never
            now: the time in seconds
            fraction: a random number from 0 to 1, so that not all come back in one moment
        """
        self.last_id = last_id
        self._keep, self._give_up_after_s = keep, give_up_after_s
        self._now, self._fraction = now, fraction
        self._parser = ServerSentParser()
        self._retry_s = RETRY_S
        self._failures = 0
        self._said_s: float | None = None
        self._has_told = False
        self._was_open = False
        self._alive_at = now()

    def headers(self) -> dict[str, str]:
        """Of the next connection."""
        asked = {"Accept": MEDIA_TYPE, "Accept-Encoding": "gzip", "Cache-Control": "no-store"}
        return {**asked, "Last-Event-ID": self.last_id} if self.last_id else asked

    def opened(self, headers: Mapping[str, str]) -> None:
        """A connection is answered with 200.

        Raises:
            NotUnderstood: the first one is no stream: this is not vatwatch
            Unreadable: a later one is none, perhaps of a proxy while the service is away
        """
        kind = headers.get("Content-Type", "")
        if not kind.startswith(MEDIA_TYPE):
            if self._was_open:
                raise Unreadable(f"the answer is {kind or 'of no media type'}, and no stream")
            raise NotUnderstood(f"the answer is {kind or 'of no media type'}: is this vatwatch?")
        self._was_open, self._has_told = True, False
        self._parser = ServerSentParser(self.last_id)

    def take(self, content: bytes) -> Iterator[StreamMessage]:
        """The messages that end within these bytes.

        Raises:
            Unreadable
        """
        self._alive_at = self._now()
        try:
            for sent in self._parser.feed(content):
                if sent.data is not None:
                    message = self._read(sent.event, sent.data, sent.last_id)
                    if message is not None:
                        self.last_id = sent.last_id
                        yield message
                        continue
                self.last_id = sent.last_id
        except MessageTooLong as error:
            raise Unreadable(str(error)) from error

    def _read(self, kind: str, data: str, last_id: str) -> StreamMessage | None:
        try:
            message = StreamMessage(kind, json.loads(data), last_id)
            if self._keep is not None:
                self._keep.take(message)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if kind not in READ:
                return None
            if not self._has_told:
                # It came again, where it was asked to go on: only a snapshot helps.
                self.last_id = ""
            raise Unreadable(f"a message of the kind {kind} cannot be read") from error
        self._has_told, self._failures = True, 0
        return message

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """A connection is answered with another status.

        Raises:
            ProblemReceived: it would be again: what is asked for is wrong, or the key
            NoAnswer: it is time to give up
        """
        problem = ProblemReceived(status, headers, body)
        if status not in PASSING:
            raise problem
        self._said_s = problem.retry_after_s
        self.lost(problem)

    def lost(self, reason: Exception | str) -> None:
        """A connection has ended, or there was none.

        Raises:
            NoAnswer: it is time to give up
        """
        away_s = self._now() - self._alive_at
        words = str(reason) or type(reason).__name__  # httpx has errors without a text
        if self._give_up_after_s is not None and away_s >= self._give_up_after_s:
            raise NoAnswer(f"the stream was away for {away_s:.0f} s: {words}")
        self._failures += 1
        say = log.info if self._failures == 1 else log.warning
        say("The stream was cut (%s). It is opened again.", words)

    def pause_s(self) -> float:
        """How long to wait before the next connection."""
        if self._parser.retry_ms is not None:
            self._retry_s = self._parser.retry_ms / 1000
        doubled = self._retry_s * 2.0 ** min(self._failures - 1, 16)
        pause_s = min(doubled, MOST_PAUSE_S) * (0.5 + 0.5 * self._fraction())
        said_s, self._said_s = self._said_s, None
        if said_s is not None:
            pause_s = max(pause_s, min(said_s, MOST_SAID_S))
        return pause_s
