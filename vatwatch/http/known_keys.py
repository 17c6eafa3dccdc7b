"""The keys that were used here lately, so that a request asks no actor as a rule.

Whoever uses a key is sure for `FRESH_S`; then the actor `keys` is asked again. If that does not
answer, its last answer counts for `STALE_S`: a part that is being restarted locks nobody out.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol, TypeVar

import gevent

from vatwatch.access.api_keys import USE_NOTED_EVERY, ApiKey, hash_of, looks_like_a_key
from vatwatch.access.caller import Caller, caller_of
from vatwatch.errors import StorageError, SupervisionError
from vatwatch.messages import FindKey, KeyUsed
from vatwatch.supervision import Ask, Tree

log = logging.getLogger(__name__)

R = TypeVar("R")

FRESH_S = 1.0
STALE_S = 60.0
# Keys that are remembered: each takes less than a kilobyte.
MOST_KEYS = 4096
# Keys that are asked about at once on behalf of requests that do not need them.
MOST_LEARNED = 16


class Asking(Protocol):
    """What this needs of the service: `AppContext` has it."""

    @property
    def tree(self) -> Tree:
        """The running tree."""

    def ask(self, name: str, message: Ask[R], /) -> R:
        """Ask an actor."""


@dataclass(slots=True)
class _Known:
    key: ApiKey
    caller: Caller
    confirmed_at: float
    fresh_until: float
    told_at: float = field(default=float("-inf"))
    """When its use was told to the actor."""


class KnownKeys:
    """Finds who uses a key of the table."""

    def __init__(self, service: Asking, clock: Callable[[], float] = monotonic) -> None:
        self._service = service
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._learning: set[str] = set()

    def find(self, text: str) -> Caller | None:
        """Who uses this key; None if it is not one, or may not be used any more.

        Raises:
            StorageError: nothing is known of it, and the table cannot be asked
            SupervisionError: the actor does not answer
        """
        if not looks_like_a_key(text):
            return None
        hash_ = hash_of(text)
        known = self._known.get(hash_)
        if known is None or self._clock() > known.fresh_until:
            known = self._ask(hash_, known)
        return None if known is None else self._used(known)

    def recall(self, text: str) -> Caller | None:
        """Who has used this key in the last minute; good enough to count, not to let in.

        Never waits: what is not known is asked in the background.
        """
        if not looks_like_a_key(text):
            return None
        hash_ = hash_of(text)
        known, now = self._known.get(hash_), self._clock()
        if known is None or now > known.fresh_until:
            self._learn(hash_)
        if known is None or now - known.confirmed_at > STALE_S:
            return None
        return self._used(known)

    def forget(self) -> None:
        """Ask again for each, as one was revoked."""
        self._known.clear()

    def _learn(self, hash_: str) -> None:
        if hash_ not in self._learning and len(self._learning) < MOST_LEARNED:
            self._learning.add(hash_)
            gevent.spawn(self._learn_now, hash_)

    def _learn_now(self, hash_: str) -> None:
        try:
            self._ask(hash_, self._known.get(hash_))
        except (StorageError, SupervisionError) as error:
            log.debug("A key cannot be looked up now: %s", error)
        finally:
            self._learning.discard(hash_)

    def _ask(self, hash_: str, known: _Known | None) -> _Known | None:
        try:
            key = self._service.ask("keys", FindKey(hash_))
        except (StorageError, SupervisionError):
            if known is None or self._clock() - known.confirmed_at > STALE_S:
                raise
            known.fresh_until = self._clock() + FRESH_S
            return known
        if key is None:
            self._known.pop(hash_, None)
            return None
        now, told_at = self._clock(), float("-inf") if known is None else known.told_at
        self._known[hash_] = found = _Known(key, caller_of(key), now, now + FRESH_S, told_at)
        while len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
        return found

    def _used(self, known: _Known) -> Caller | None:
        now, at = datetime.now(UTC), self._clock()
        if not known.key.is_usable(now):
            return None
        if at - known.told_at >= USE_NOTED_EVERY.total_seconds():
            known.told_at = at
            self._service.tree.directory.address("keys").offer(KeyUsed(known.key.id, now))
        return known.caller
