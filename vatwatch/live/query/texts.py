"""Conditions on texts: words, patterns and beginnings. The case of letters makes no difference."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from vatwatch.live.query.bad_value import BadValue, listed
from vatwatch.live.query.columns import Bools, TextColumn
from vatwatch.wildcards import ANY, expression, is_pattern

# Each pattern is tried on each record: fifty on ten thousand callsigns take a tenth of a second.
MAX_PATTERNS = 50


@dataclass(frozen=True, slots=True)
class TextCondition:
    """A text is one of the words, begins with one of the beginnings, or fits one of the patterns.

    In a pattern `*` stands for any characters, also none, and `?` for one. All in capitals.
    """

    words: frozenset[str] = frozenset()
    beginnings: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    _lengths: tuple[int, ...] = field(init=False, compare=False, repr=False)
    _pattern: re.Pattern[str] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lengths", tuple({len(each) for each in self.beginnings}))
        compiled = "|".join(map(expression, sorted(self.patterns)))
        object.__setattr__(self, "_pattern", re.compile(compiled, re.DOTALL) if compiled else None)

    @property
    def text(self) -> str:
        """The normal form, as it is written in a query."""
        return ",".join(sorted(self.words | self.beginnings | self.patterns))

    def test(self, value: str) -> bool:
        """Whether a text fulfils it."""
        capitals = value.upper()
        return (
            capitals in self.words
            or any(capitals[:length] in self.beginnings for length in self._lengths)
            or (self._pattern is not None and self._pattern.fullmatch(capitals) is not None)
        )

    def test_all(self, column: TextColumn) -> Bools:
        """Whether each value of a column fulfils it."""
        found = np.fromiter(map(self.test, column.distinct), np.bool_, len(column.distinct))
        return found[column.codes]


def read_texts(given: str, *, beginnings: bool = False) -> TextCondition:
    """Texts between commas, with `*` and `?`; `beginnings`: a text without them is a beginning.

    Raises BadValue.
    """
    texts = frozenset(each.upper() for each in listed(given))
    patterns = frozenset(re.sub(r"\*+", ANY, each) for each in texts if is_pattern(each))
    if len(patterns) > MAX_PATTERNS:
        raise BadValue(f"has more than {MAX_PATTERNS} patterns")
    plain = frozenset(each for each in texts if not is_pattern(each))
    if beginnings:
        return TextCondition(beginnings=plain, patterns=patterns)
    return TextCondition(words=plain, patterns=patterns)


def read_words(given: str, choices: Collection[str]) -> TextCondition:
    """Some of the `choices`, between commas. Raises BadValue."""
    known = {choice.upper(): choice for choice in choices}
    for each in listed(given):
        if each.upper() not in known:
            raise BadValue(f"must be one of {', '.join(choices)}", each, choices)
    return TextCondition(words=frozenset(each.upper() for each in listed(given)))
