"""The places of the stream's clients: how many there may be in all, and of one address or key."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import falcon

from vatwatch.counting import counted

# A place may become free at any time.
RETRY_AFTER_S = 10


class StreamOwner(NamedTuple):
    """Whom a client counts for, as its requests do."""

    kind: str
    """`address` or `key`."""
    name: str


class StreamPlaces:
    """Who has how many places. One that is taken is given back once."""

    def __init__(self, limit: int, limit_of_one: int) -> None:
        """`limit` for all together, `limit_of_one` for each owner."""
        self.limit, self.limit_of_one = limit, limit_of_one
        self.refused = self.refused_of_one = 0
        self._taken: Counter[StreamOwner] = Counter()
        # Their sum takes longer with each owner.
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def take(self, owner: StreamOwner) -> None:
        """Take a place.

        Raises:
            falcon.HTTPTooManyRequests: the owner has as many as one may have
            falcon.HTTPServiceUnavailable: there is none left
        """
        if self._taken[owner] >= self.limit_of_one:
            self.refused_of_one += 1
            raise falcon.HTTPTooManyRequests(
                description=f"One {owner.kind} may follow the stream with "
                f"{counted(self.limit_of_one, 'client')} at once, and this one does "
                "(VATWATCH_STREAM_CLIENTS_PER_ADDRESS).",
                retry_after=RETRY_AFTER_S,
            )
        if self._count >= self.limit:
            raise self.refusal(
                f"{self.limit} clients follow the stream already, as many as may "
                "(VATWATCH_STREAM_CLIENTS)."
            )
        self._taken[owner] += 1
        self._count += 1

    def give_back(self, owner: StreamOwner) -> None:
        """Give a place back."""
        self._count -= 1
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]  # addresses come and go for ever

    def refusal(self, why: str) -> falcon.HTTPServiceUnavailable:
        """The answer to a client that gets no place, whoever it is; counts it."""
        self.refused += 1
        return falcon.HTTPServiceUnavailable(description=why, retry_after=RETRY_AFTER_S)
