"""Patterns: `*` stands for any characters, also none, and `?` for one; case makes no difference."""

from __future__ import annotations

import re
from functools import lru_cache
from string import ascii_lowercase

ANY, ONE = "*", "?"
_A_TO_Z = {ord(small): small.upper() for small in ascii_lowercase}
_LIKE = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", ANY: "%", ONE: "_"})


def is_pattern(text: str) -> bool:
    """Whether it has a `*` or a `?`."""
    return ANY in text or ONE in text


def fits(pattern: str, text: str) -> bool:
    """Whether the whole of a text fits a pattern."""
    return compiled(pattern.upper()).fullmatch(text.upper()) is not None


def capitals(text: str) -> str:
    """A text with a to z in capitals, and no other letter: SQL's `upper` in the collation C."""
    return text.upper() if text.isascii() else text.translate(_A_TO_Z)


@lru_cache(maxsize=10_000)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern in capitals, for whole texts in capitals (`fullmatch`)."""
    return re.compile(expression(pattern), re.DOTALL)


def expression(pattern: str) -> str:
    """A pattern as a regular expression that never looks back, however many stars it has."""
    first, *rest = ("".join(map(_one, part)) for part in pattern.split(ANY))
    if not rest:
        return first
    *middle, last = rest
    # The earliest place is always good enough for what lies between two stars.
    return "".join([first, *(f"(?>.*?{part})" for part in middle), ".*", last])


def like(pattern: str) -> str:
    """A pattern for SQL's LIKE, with the backslash as its escape, as PostgreSQL has it."""
    return pattern.translate(_LIKE)


def _one(character: str) -> str:
    return "." if character == ONE else re.escape(character)
