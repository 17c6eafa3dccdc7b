"""Near matches: which known name was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_match(given: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `given`, whatever its case; None if none is like it."""
    by_key = {name.lower(): name for name in known}
    # difflib takes a time that grows with the square of the length.
    close = get_close_matches(given[:100].lower(), by_key, n=1)
    return by_key[close[0]] if close else None
