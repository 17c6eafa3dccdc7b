"""Publishes the live state in Redis, so that other nodes serve it, too. Of the cache's Redis side.

Everything here waits for Redis, so it is called in that side's greenlets only, but for `show`.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import TypeVar

from vatwatch import __version__
from vatwatch.actors.node_role import leads
from vatwatch.actors.service import Service
from vatwatch.errors import Superseded, SupervisionError
from vatwatch.feed.times import time_text
from vatwatch.live.published_state import PublishedState, encode_state, form_number
from vatwatch.storage.state_mirror import StateHead, StateMirror, StateVersion
from vatwatch.supervision import NativePool

T = TypeVar("T")


class StatePublisher:
    """Writes each live state once, and again if Redis has lost it."""

    def __init__(self, actor: Service, url: str) -> None:
        self._actor = actor
        self._mirror = StateMirror(url)
        self._pool = NativePool(1, "publish state")
        self._epoch = self._number = 0
        # The latest reign of another node that has kept this one from writing.
        self._later = 0
        self._latest: PublishedState | None = None
        self._due = False
        # What is in Redis as far as anybody knows.
        self._written: StateVersion | None = None
        # Which data of Redis have it.
        self._written_in = ""

    @property
    def is_due(self) -> bool:
        """Whether there is one that Redis does not have."""
        return self._due

    @property
    def is_superseded(self) -> bool:
        """Whether another node has published since this one began to. It stood still, perhaps, and
        will soon hear that it does not collect any more."""
        return self._later > self._epoch

    def begin(self, after_epoch: int) -> None:
        """A reign begins: after that one, whatever the clock says."""
        self._epoch = max(int(time() * 1e6), after_epoch + 1)
        self._number = 0

    def show(self, latest: PublishedState | None) -> None:
        """This is to be published; None: nothing, from now on."""
        self._latest = latest
        self._due = latest is not None

    def write(self) -> None:
        """Publish it, unless another node has begun to. Raises redis.RedisError; then it is due
        again once `look` is called."""
        state, self._due = self._latest, False
        if state is None:
            return
        try:
            encoded = self._pool.run(encode_state, state)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - it is about this state; the next one is another
            self._actor.report_failure("encode the live state for other nodes", error)
            self._latest = None if self._latest is state else self._latest
            return
        if self._latest is not state:
            return  # it is another one, or this node does not collect any more
        self._number += 1
        moment = state.state.time
        version = StateVersion(
            self._epoch, "" if moment is None else time_text(moment), self._number
        )
        before, self._written = self._written, None
        head = StateHead(__version__, form_number(), version, time())
        try:
            self._plainly(lambda: self._mirror.write(head, encoded, before))
        except Superseded as error:
            self._later = error.number
            return
        self._written, self._written_in = version, self._mirror.data_set

    def look(self) -> bool:
        """Whether Redis has the latest one, and is the same as when it got it. Raises
        redis.RedisError. If not, it is due again."""
        written, state = self._written, self._latest
        if state is None or self._due:
            return True
        if self.is_superseded:
            if not leads(self._actor):
                return True
            # It does collect: the other one does not any more, or has a clock that is ahead.
            self.begin(self._later)
        is_there = written is not None and self._plainly(lambda: self._mirror.prolong(written))
        # A replica that has become the master may have lost what was written before and after it.
        if not is_there or self._mirror.data_set != self._written_in:
            # Another one may have come, or be on its way, while we waited.
            self._due = self._latest is state and self._written == written
        return not self._due

    def close(self) -> None:
        """Give thread and connections back."""
        self._pool.close()
        self._mirror.close()

    def _plainly(self, work: Callable[[], T]) -> T:
        return self._mirror.plainly(work)
