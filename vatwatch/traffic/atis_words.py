"""The words of an ATIS text, as the readers of its parts need them.

Everything here takes time in proportion to the length of the text, which anybody may have written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from vatwatch.traffic.thresholds import threshold

MAX_LENGTH = threshold(
    4000,
    "characters",
    "Of a longer text the rest is not read: the longest that was seen has 1,600.",
    "thirteen captures of 2020 to 2025",
)
# Of the words that a value came from, as many are kept as tell a reader where to look.
MAX_QUOTE = 160

# `RWY27` is two words; `119.650`, `TAKE-OFF` and a spelled `Q N H` are one; every sign is one.
_WORD = re.compile(
    r"(?:Q N H|I L S|TAKE[ -]OFF|T/O)(?![A-Z0-9])|(?:RUNWAYS?|RWYS?|RYS?|QNH)(?=[0-9])"
    r"|[0-9]+\.[0-9]+|[A-Z0-9]+|[^\sA-Z0-9]",
    re.ASCII,
)
_IN_ONE = str.maketrans("", "", " -")
_MEANT = {
    "T/O": "TAKEOFF",
    "ZERO": "0",
    "ONE": "1",
    "TWO": "2",
    "THREE": "3",
    "TREE": "3",
    "FOUR": "4",
    "FOWER": "4",
    "FIVE": "5",
    "FIFE": "5",
    "SIX": "6",
    "SEVEN": "7",
    "EIGHT": "8",
    "NINE": "9",
    "NINER": "9",
}


def word_set(words: str) -> frozenset[str]:
    """The words of a text, to look others up in."""
    return frozenset(words.split())


LETTERS = {
    word: word[0]
    for word in word_set(
        "ALFA ALPHA BRAVO CHARLIE DELTA ECHO FOXTROT GOLF HOTEL INDIA JULIET JULIETT KILO LIMA"
        " MIKE NOVEMBER OSCAR PAPA QUEBEC ROMEO SIERRA TANGO UNIFORM VICTOR WHISKEY WHISKY XRAY"
        " YANKEE ZULU"
    )
}


class Word(Struct, frozen=True, gc=False):
    """A word or sign in capitals, a spoken digit as a digit, and where it stands in the text."""

    text: str
    start: int
    end: int


class Words(Struct, frozen=True, gc=False):
    """A text, and its words."""

    text: str
    words: tuple[Word, ...]

    def at(self, index: int) -> str:
        """The word at an index; empty behind the end."""
        return self.words[index].text if 0 <= index < len(self.words) else ""

    def quote(self, first: int, behind: int) -> str:
        """The text from one word up to another; of a long one the end."""
        quoted = self.text[self.words[first].start : self.words[behind - 1].end]
        return quoted if len(quoted) <= MAX_QUOTE else f"…{quoted[1 - MAX_QUOTE :]}"


def words_of(lines: Sequence[str]) -> Words:
    """The words of a text; a line's end is a blank, as stations break lines anywhere."""
    text = " ".join(" ".join(lines)[:MAX_LENGTH].split())
    return Words(
        text,
        tuple(
            Word(_word(found[0]), found.start(), found.end())
            # A letter that is longer as a capital would move what stands behind it.
            for found in _WORD.finditer("".join(map(_capital, text)))
        ),
    )


def _word(found: str) -> str:
    if len(found) == 1:  # a sign may be a hyphen
        return found
    return _MEANT.get(found) or found.translate(_IN_ONE)


def _capital(letter: str) -> str:
    capital = letter.upper()
    return capital if len(capital) == 1 else letter
