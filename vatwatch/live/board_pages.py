"""Pages of lists (airports, FIRs, sectors): the busiest first, and where the next page begins."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

_RANK = re.compile(r"([0-9]{1,9})\|([0-9]{1,9})\|(.{1,120})", re.DOTALL)


class Rank(NamedTuple):
    """A place in the list: smaller is further up. Of equals the one with the smaller id."""

    flights: int
    """Negative."""
    then: int
    """What decides between equals; negative: the movements of the last hour, or the highest load
    that a sector is expected to have."""
    id: str

    def text(self) -> str:
        """As a cursor."""
        return urlsafe_b64encode(f"{-self.flights}|{-self.then}|{self.id}".encode()).decode()


def read_rank(cursor: str) -> Rank:
    """What `Rank.text` has written. Raises ValueError if it is something else."""
    try:
        text = urlsafe_b64decode(cursor.encode()).decode()
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"{cursor} is no cursor") from error
    match = _RANK.fullmatch(text)
    if match is None:
        raise ValueError(f"{cursor} is no cursor")
    return Rank(-int(match[1]), -int(match[2]), match[3])


class PageQuery(Struct, frozen=True, gc=False):
    """Which of them, and how many."""

    ids: frozenset[str] = frozenset()
    """Empty: all that have any traffic, station, ATIS or prefile."""
    block_min: int = 30
    limit: int | None = None
    after: Rank | None = None
    whole: bool = False
    """With the flights, and not only how many."""


def page(ranks: Iterable[Rank], query: PageQuery) -> tuple[Sequence[Rank], int, str | None]:
    """The ranks of the page in order, how many there are in all, and the cursor of the next page.

    The live state may change between two pages; then one may be on both, or on neither.
    """
    every = sorted(ranks)
    rest = every if query.after is None else [rank for rank in every if rank > query.after]
    shown = rest if query.limit is None else rest[: query.limit]
    return shown, len(every), shown[-1].text() if len(shown) < len(rest) else None
