"""Fetches the transceivers feed in parallel with the main feed, and never delays it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from gevent import Greenlet

from vatwatch.actors.feed_client import FeedClient, NotModified, shown
from vatwatch.errors import FeedError, FetchError, FetchTimeout

log = logging.getLogger(__name__)

# Both are requested at once, and this feed is a third of the main feed's size, so it usually comes
# first. The main feed waits only this long, for a slow moment of the network.
GRACE_S = 0.5

Answer: TypeAlias = bytes | NotModified | FetchError | FeedError


class SecondFeed:
    """One request at a time, in a greenlet that ends with the actor."""

    def __init__(
        self,
        client: FeedClient,
        spawn: Callable[[Callable[[str], Answer], str], Greenlet[..., Answer | None]],
    ) -> None:
        """`spawn` is the actor's."""
        self._client = client
        self._spawn = spawn
        self._url = ""
        self._request: Greenlet[..., Answer | None] | None = None
        self._body: bytes | None = None  # the latest; a "not modified" means this one
        self._kept: bytes | None = None  # the latest that was used with a snapshot
        self._changed_at: float | None = None
        self._missing_at: float | None = None
        self.error = ""
        """Why the latest snapshot has no radios; empty if it has."""

    def ask(self, url: str) -> None:
        """Start a request. One that is still running belongs to an earlier snapshot."""
        if self._request is not None and not self._take_answer():
            self._request.kill()
            self._client.forget_validators(self._url)  # its answer may have arrived, and is lost
        self._url = url
        self._request = self._spawn(self._get, url)

    def take(self) -> bytes | None:
        """The body for the snapshot that has just arrived; None: the snapshot has no radios."""
        if self._request is not None:
            self._request.join(GRACE_S)
            if not self._take_answer():
                self._take(FetchTimeout(f"{shown(self._url)} came later than the main feed"))
        now = monotonic()
        if self._body is None:
            self._missing_at = now if self._missing_at is None else self._missing_at
        else:
            self._missing_at, self.error = None, ""
            if self._body != self._kept:
                self._kept, self._changed_at = self._body, now
        return self._body

    def missing_s(self) -> float:
        """For how long snapshots have had no radios, in seconds."""
        return 0.0 if self._missing_at is None else monotonic() - self._missing_at

    def unchanged_s(self, until: float) -> float:
        """For how long the radios had not changed at this monotonic time, in seconds."""
        return 0.0 if self._changed_at is None else max(0.0, until - self._changed_at)

    def _get(self, url: str) -> Answer:
        try:
            return self._client.get(url)
        except (NotModified, FetchError, FeedError) as error:
            return error

    def _take_answer(self) -> bool:
        """The body, if it has arrived."""
        if self._request is None or not self._request.ready():
            return False
        self._take(self._request.value)
        self._request = None
        return True

    def _take(self, answer: Answer | None) -> None:
        if isinstance(answer, bytes):
            self._body = answer
        elif not isinstance(answer, NotModified):
            self._body = None
            self.error = str(answer)
            log.debug("The snapshot goes without transceivers: %s", answer)
